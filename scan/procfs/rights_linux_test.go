package procfs

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLack(t *testing.T) {
	for _, tt := range []struct {
		rights     Rights
		text, hint string
	}{
		{Rights{EUID: 1000, UserNS: true}, "you are not root", "sudo dotm up"},
		{Rights{EUID: 0}, "in a user namespace only", "as root of the host"},
		{Rights{EUID: 0, UserNS: true}, "CAP_SYS_PTRACE", "--cap-add SYS_PTRACE"},
	} {
		if text, hint := tt.rights.Lack(); !strings.Contains(text, tt.text) || !strings.Contains(hint, tt.hint) {
			t.Errorf("%+v lacks %q, hint %q", tt.rights, text, hint)
		}
	}
}

func TestCanInspect(t *testing.T) {
	for caps, want := range map[uint64]bool{
		0:                             false,
		1 << unix.CAP_SYS_PTRACE:      false,
		1 << unix.CAP_DAC_READ_SEARCH: false,
		1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH: true,
		1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_OVERRIDE:    true,
		1<<41 - 1: true,
	} {
		if got := canInspect(caps); got != want {
			t.Errorf("%#x: got %t, want %t", caps, got, want)
		}
	}
}
