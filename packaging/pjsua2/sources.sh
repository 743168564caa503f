# Sourced by build: the sources and libraries that the engine is made of, each checked against its pin.
# shellcheck shell=bash

# Prints a field of a source's row: suite 2, package 3, version 4, file 5, sha256 6.
pin() { awk -v name="$1" -v field="$2" '$1 == name { print $field }' "$here/sources.txt"; }

# Puts all sources into $cache/sources under their checksums, and unpacks them.
take_sources() {
    local name sum place missing=()
    for name in $(awk '!/^#/ { print $1 }' "$here/sources.txt"); do
        sum=$(pin "$name" 6)
        [[ ${given[$name]:-} != *'#sha256='* ]] || sum=${given[$name]##*#sha256=}
        place=$cache/sources/$sum
        if [[ -n ${given[$name]:-} && ! -e $place ]]; then
            _take_given "$name" "${given[$name]%%#*}" "$sum"
        elif [[ ! -e $place ]] || ! _is "$sum" "$place"; then
            missing+=("$name")
        fi
        printf -v "source_$name" %s "$place"
    done
    ((${#missing[@]} == 0)) || _take_from_debian "${missing[@]}"

    mkdir -p "$work"/{pjproject,debian,srtp}
    tar --extract --file "$source_pjproject" --directory "$work/pjproject" --strip-components 1
    tar --extract --file "$source_debian" --directory "$work/debian" --strip-components 1
    tar --extract --file "$source_libsrtp2" --directory "$work/srtp" --strip-components 1
    local patch
    # Debian's patch speaks of the folder that its package keeps pjproject in.
    for patch in "$work"/debian/patches/*_pjproject_unbreak.patch; do
        sed 's,/Xpjproject/,/,g' "$patch" | _patched "Debian's $(basename "$patch")"
    done
    for patch in "$here"/patches/*.patch; do
        _patched "$(basename "$patch")" <"$patch"
    done
    cp "$here/config_site.h" "$work/pjproject/pjlib/include/pj/config_site.h"
}

_patched() {
    patch --directory "$work/pjproject" --strip 1 --forward --fuzz 0 --no-backup-if-mismatch >>"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        stop "the patch $1 does not fit this source: it was made for $(pin pjproject 5)"
    }
}

_is() { echo "$1  $2" | sha256sum --check --status; }

_take_given() {
    local name=$1 what=$2 sum=$3
    case $what in
    http://* | https://*)
        say "$name from $what"
        python3 - "$what" "$work/given" <<'END' || stop "$what could not be read"
import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=60) as there, open(sys.argv[2], "wb") as here:
    shutil.copyfileobj(there, here)
END
        ;;
    *)
        [[ -f $what ]] || stop "--source $name: there is no file $what"
        cp "$what" "$work/given"
        ;;
    esac
    _is "$sum" "$work/given" || stop \
        "$name: $what has SHA-256 $(sha256sum <"$work/given" | cut -d' ' -f1)" \
        "pinned is $sum" \
        "where you mean that other file, name its checksum: --source '$name=$what#sha256=HEX'"
    mv "$work/given" "$cache/sources/$sum"
}

_take_from_debian() {
    local name lacks entries=()
    lacks=$(debian_archive_lacks)
    [[ -z $lacks ]] || stop "$lacks" \
        "without Debian's archive name files or URLs: --source NAME=WHAT for each of: $*" \
        "the pinned files and checksums stand in $here/sources.txt"
    for name in "$@"; do entries+=("deb-src $(pin "$name" 2)"); done
    mapfile -t entries < <(printf '%s\n' "${entries[@]}" | sort -u)
    step "reading Debian's list of sources" debian_archive "$work/apt" "${entries[@]}"
    mkdir -p "$work/fetched"
    for name in "$@"; do
        [[ ! -e $cache/sources/$(pin "$name" 6) ]] || continue # came with another file of the same package
        _fetch "$name"
    done
}

# Prints the names whose files a source package holds.
_of_package() { awk -v package="$1" '!/^#/ && $3 == package { print $1 }' "$here/sources.txt"; }

# Fetches the source package of a name; all names that it holds files of are served.
_fetch() {
    local name=$1 package version now other
    package=$(pin "$name" 3) version=$(pin "$name" 4)
    say "source package $package $version"
    if ! (cd "$work/fetched" && archive_apt --quiet --only-source source --download-only "$package=$version") >>"$log" 2>&1; then
        now=$(apt-cache "${archive_options[@]}" showsrc "$package" 2>/dev/null | awk '$1 == "Version:" { print $2 }' | sort -Vu | paste -sd' ')
        if [[ " $now " != *" $version "* ]]; then
            local remedy=()
            for other in $(_of_package "$package"); do
                remedy+=("    --source $other=FILE-OR-URL of $(pin "$other" 5)")
            done
            stop "Debian $(pin "$name" 2) has moved on: its source package $package is now ${now:-gone}, and this recipe is pinned to $version" \
                "Debian's snapshot archive keeps every version: fetch what is pinned there, and name it" "${remedy[@]}" \
                "or renew the pins in packaging/pjsua2/sources.txt and try whether the patches still fit"
        fi
        tail -n 8 "$log" >&2
        stop "apt-get could not download $package $version; its last words are above" \
            "a mirror between two updates lists files that it lacks: try again later, or --source $name=FILE-OR-URL"
    fi
    for other in $(_of_package "$package"); do
        _is "$(pin "$other" 6)" "$work/fetched/$(pin "$other" 5)" ||
            stop "$(pin "$other" 5) of Debian has not the pinned SHA-256: do not use it"
        mv "$work/fetched/$(pin "$other" 5)" "$cache/sources/$(pin "$other" 6)"
    done
}

# Unpacks the libraries of Debian stable into $work/root; sets root (empty: what is installed).
take_libraries() {
    root=
    [[ $libraries_of == bookworm ]] || return 0
    local lacks wanted=(libssl-dev libssl3 libopus-dev libopus0 libgsm1-dev libgsm1 libspeex-dev libspeex1 libspeexdsp-dev libspeexdsp1)
    [[ ${headers[cp311-abi3]:-} != debian ]] || wanted+=(libpython3.11-dev)
    lacks=$(debian_archive_lacks)
    [[ -z $lacks ]] || stop "$lacks" "outside Debian install OpenSSL 3, Opus, GSM, Speex and SpeexDSP with headers, and add --system-libraries"
    root=$work/root
    mkdir -p "$root" "$work/debs"
    step "reading Debian's list of packages" debian_archive "$work/apt-libraries" "deb bookworm" "deb bookworm-security"
    step "libraries of Debian bookworm: ${wanted[*]}" eval "cd '$work/debs' && archive_apt --quiet download ${wanted[*]}"
    local package
    for package in "$work"/debs/*.deb; do
        dpkg-deb --extract "$package" "$root"
        dpkg-deb --show --showformat '${Package} ${Version}\n' "$package" >>"$work/libraries.txt"
    done
}
