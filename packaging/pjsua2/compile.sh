# Sourced by build: from unpacked sources to the wheel.
# shellcheck shell=bash

jobs=$(nproc)
# Overwritten buffers end the worker instead of running what they were overwritten with.
hardened="-O2 -g0 -fPIC -DNDEBUG -fstack-protector-strong -D_FORTIFY_SOURCE=2"
quiet="-Wno-deprecated-declarations"

# Compiler and linker flags for the unpacked libraries; an installed one needs none.
_flags() {
    includes="-I$work/srtp/out/include" links="-L$work/srtp/out/lib"
    [[ -z $root ]] && return
    local triplet
    triplet=$(gcc -print-multiarch)
    includes+=" -I$root/usr/include -I$root/usr/include/$triplet"
    links+=" -L$root/usr/lib/$triplet -L$root/lib/$triplet"
    export LD_LIBRARY_PATH=$root/usr/lib/$triplet:$root/lib/$triplet${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}

compile_libraries() {
    _flags
    if [[ -v headers[cp311-abi3] && ${headers[cp311-abi3]} == debian ]]; then
        if [[ -n $root ]]; then
            headers[cp311-abi3]=$root/usr/include/python3.11
        else
            headers[cp311-abi3]=$(python3 -c 'import sys, sysconfig; sys.exit("python3 is older than 3.11") if sys.version_info < (3, 11) else print(sysconfig.get_path("include"))') ||
                stop "name an interpreter of 3.11 or newer: --python python3.12"
        fi
    fi
    step "SRTP on OpenSSL" _srtp
    step "configuring pjproject" _configure
    step "bindings" "$work/tools/bin/swig" -c++ -w312 -threads -python $(_pj_includes) \
        -outdir "$work/pjproject" -o "$work/pjproject/pjsua2_wrap.cpp" "$work/pjproject/pjsip-apps/src/swig/pjsua2.i"
    # The one large file of the bindings takes as long as all of pjproject: both at once.
    local tag pids=()
    for tag in "${!headers[@]}"; do
        _bindings "$tag" "${headers[$tag]}" >"$work/bindings-$tag.log" 2>&1 &
        pids+=($!)
    done
    step "compiling pjproject, its bindings beside it" _pjproject
    for pid in "${pids[@]}"; do
        wait "$pid" || stop "the bindings did not compile:" "$(tail -n 20 "$work"/bindings-*.log)"
    done
}

_srtp() {
    cd "$work/srtp" &&
        ./configure --enable-openssl --prefix="$work/srtp/out" CFLAGS="$hardened $quiet $includes" LDFLAGS="$links" &&
        make --jobs="$jobs" libsrtp2.a && make install
}

_configure() {
    # No sound card, no picture, no codec that Debian's source leaves out.
    cd "$work/pjproject" && ./aconfigure --enable-epoll --enable-speex-resample \
        --with-external-speex --with-external-gsm --with-external-srtp --with-ssl="${root:-}/usr" --with-opus="${root:-}/usr" \
        --disable-sound --disable-video --disable-sdl --disable-ffmpeg --disable-v4l2 --disable-openh264 --disable-vpx \
        --disable-libyuv --disable-libwebrtc --disable-upnp --disable-libuuid \
        --disable-opencore-amr --disable-silk --disable-bcg729 --disable-lyra --disable-ilbc-codec --disable-g7221-codec \
        CFLAGS="$hardened $quiet $includes" CXXFLAGS="$hardened $quiet $includes" LDFLAGS="$links" LIBS="-lsrtp2 -lcrypto"
}

_pjproject() {
    local part
    for part in pjlib pjlib-util pjnath third_party pjmedia pjsip; do
        mkdir -p "$work/pjproject/$part/lib"
        make --jobs="$jobs" --directory "$work/pjproject/$part/build" lib || return
    done
}

_pj_includes() {
    local part
    for part in pjlib pjlib-util pjnath pjmedia pjsip; do echo "-I$work/pjproject/$part/include"; done
}

_bindings() {
    local tag=$1 limited=
    [[ $tag != *-abi3 ]] || limited=-DPy_LIMITED_API=0x030b0000 # 3.11: the first with buffers in its stable interface
    # The bindings only carry values across: optimised less, they compile in half the time.
    g++ -c ${hardened/-O2/-O1} -w -DPJ_AUTOCONF=1 -DPJ_IS_BIG_ENDIAN=0 -DPJ_IS_LITTLE_ENDIAN=1 $limited $(_pj_includes) \
        -I"$2" $includes "$work/pjproject/pjsua2_wrap.cpp" -o "$work/pjproject/bindings-$tag.o"
}

make_wheel() {
    local tag=$1 tree=$work/wheel-$1 target suffix part library archives=()
    target=$(make --silent --no-print-directory --directory "$work/pjproject/pjsip-apps/src/swig/python" --file helper.mak target_name)
    if [[ $tag == *-abi3 ]]; then suffix=.abi3.so; else suffix=.so; fi
    mkdir -p "$tree/pjsua2" "$work/out"
    # Whole archives: the agent calls C functions that no Python binding leads to.
    for library in pjsua2 pjsua pjsip-ua pjsip-simple pjsip pjmedia-codec pjmedia-videodev pjmedia-audiodev pjmedia pjnath pjlib-util pj; do
        for part in "$work"/pjproject/*/lib/"lib$library-$target.a"; do archives+=("$part"); done
    done
    step "linking for $tag" g++ -shared -s -Wl,-z,relro -o "$tree/pjsua2/_pjsua2$suffix" "$work/pjproject/bindings-$tag.o" \
        -Wl,--whole-archive "${archives[@]}" -Wl,--no-whole-archive \
        $links -lsrtp2 -lgsm -lspeex -lspeexdsp -lopus -lssl -lcrypto -lm -lpthread
    cp "$work/pjproject/pjsua2.py" "$here/__init__.py" "$tree/pjsua2/"
    step "metadata" python3 "$here/metadata.py" "$tree" "$tag" "$work" "$here"
    step "packing" "$work/tools/bin/python" -m wheel pack "$tree" --dest-dir "$work/out"
    mkdir -p "$kept"
    PATH=$work/tools/bin:$PATH step "making it self-contained" "$work/tools/bin/auditwheel" repair --wheel-dir "$kept" \
        "$work"/out/*-"$tag"-linux_*.whl
}
