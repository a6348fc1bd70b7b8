#!/bin/sh
# Compiles the eBPF programs. The object is committed, so that building dotm
# needs no clang; run this after changing them (Debian: clang-16 libbpf-dev).
set -eu
cd "$(dirname "$0")"
"${CLANG:-clang-16}" -O2 -g -fdebug-compilation-dir=. -ffile-prefix-map="$PWD"=. -Wall -Werror -target bpfel -D__TARGET_ARCH_x86 -I. -c kernel.bpf.c -o kernel.bpf.o
"${STRIP:-llvm-strip-16}" -g kernel.bpf.o # BTF, which the loader needs, stays
cat kernel.bpf.c types.h | sha256sum | cut -d' ' -f1 >kernel.bpf.sum
