# Sourced: Debian's archive beside what this machine has installed, without root and without a trace in the system's apt.
#
#   debian_archive FOLDER ENTRY...   makes apt's configuration in FOLDER and reads the lists of the entries
#   archive_apt WHAT...              apt-get with that configuration (array archive_options for other programs of apt)
#
# An entry is "deb sid" or "deb-src bookworm" or "deb bookworm-security". The mirror is the one that this machine's apt has
# for Debian itself; without one, or on another distribution, Debian's own. All signatures are checked.
# shellcheck shell=bash

archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Says what is missing for it, or nothing.
debian_archive_lacks() {
    local needed
    for needed in apt-get dpkg-deb; do
        command -v "$needed" >/dev/null || { echo "there is no $needed here"; return; }
    done
    [[ -e $archive_keyring ]] || echo "$archive_keyring is missing; as root: apt-get install debian-archive-keyring"
}

debian_archive() {
    local folder=$1 entry kind suite site architecture
    shift
    mkdir -p "$folder"/{state/lists/partial,cache/archives/partial}
    : >"$folder/status" # no package counts as installed: everything that one needs comes along
    architecture=$(dpkg --print-architecture)
    for entry in "$@"; do
        read -r kind suite <<<"$entry"
        site=debian
        [[ $suite != *-security ]] || site=debian-security
        echo "$kind [arch=$architecture signed-by=$archive_keyring] $(_archive_mirror $site) $suite main"
    done >"$folder/sources.list"
    archive_options=(
        -o Dir::State="$folder/state" -o Dir::State::status="$folder/status" -o Dir::Cache="$folder/cache"
        -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
        -o APT::Sandbox::User= # as root, apt would download as a user who may not write here
        -o Acquire::Languages=none -o Acquire::Retries=3
    )
    archive_apt --quiet --error-on=any update
}

archive_apt() {
    apt-get "${archive_options[@]}" "$@" </dev/null
}

_archive_mirror() {
    local found
    found=$(apt-get indextargets --format '$(ORIGIN) $(SITE)' 2>/dev/null |
        awk -v end="/$1/?\$" '$1 == "Debian" && $2 ~ end { print $2; exit }')
    echo "${found:-http://deb.debian.org/$1}"
}
