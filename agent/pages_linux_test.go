package agent

import (
	"os"
	"slices"
	"testing"
)

const smaps = `00400000-00bb6000 r-xp 00000000 fe:00 9983287                            /usr/bin/dotm agent
Size:               7896 kB
Rss:                6680 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00bb6000-013bf000 r--p 007b6000 fe:00 9983287                            /usr/bin/dotm agent
Size:               8228 kB
Anonymous:             0 kB
013bf000-013c0000 r--p 00fbf000 fe:00 9983287                            /usr/bin/dotm agent
Anonymous:             4 kB
013c0000-01432000 rw-p 00fc0000 fe:00 9983287                            /usr/bin/dotm agent
Anonymous:             0 kB
01432000-01433000 ---p 00fc0000 fe:00 9983287                            /usr/bin/dotm agent
Anonymous:             0 kB
01450000-01460000 r--p 00000000 00:00 0
Anonymous:             0 kB
7f7b933da000-7f7b93530000 r-xp 00026000 fe:00 326269                     /usr/lib/x86_64-linux-gnu/libc.so.6
Anonymous:             0 kB
7f7b94000000-7f7b93000000 r-xp 00026000 fe:00 326269                     /usr/bin/dotm agent
Anonymous:             0 kB
nonsense r-xp 00026000 fe:00 326269 /usr/bin/dotm agent
Anonymous:             0 kB
7fff0000-7fff1000 r-xp 00000000 fe:00 9983287                            /usr/bin/dotm agent
`

// TestCleanParts: only what is of the program's file, unchanged, and cannot be
// written to, is given back.
func TestCleanParts(t *testing.T) {
	want := []piece{{0x400000, 0xbb6000}, {0xbb6000, 0x13bf000}}
	if got := cleanParts([]byte(smaps), "/usr/bin/dotm agent"); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if got := cleanParts([]byte(smaps), "/usr/bin/dotm"); got != nil {
		t.Errorf("of another file: got %x", got)
	}
}

// FuzzCleanParts: whatever stands there, no piece is empty or turned around.
func FuzzCleanParts(f *testing.F) {
	f.Add([]byte(smaps))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, p := range cleanParts(text, "/usr/bin/dotm agent") {
			if p.end <= p.start {
				t.Errorf("got %x", p)
			}
		}
	})
}

// TestReleaseProgram: the program goes on without its pages.
func TestReleaseProgram(t *testing.T) {
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if len(cleanParts(text, program)) == 0 {
		t.Errorf("nothing of %s can be given back:\n%s", program, text)
	}
	for range 3 {
		if err := ReleaseProgram(); err != nil {
			t.Error(err)
		}
	}
}
