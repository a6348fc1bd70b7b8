package proctext

import (
	"strings"
	"testing"
)

// statTail is what follows the comm: state, ppid, … up to the start time
// 2671 and beyond.
const statTail = " S 1 637 637 0 -1 4194560 1094 1462 0 0 0 1 0 0 20 0 1 0 2671 15806464 1717 18446744073709551615 1 1 0 0 0 0 0 4096 81925 0 0 0 17 1 0 0 0 0 0\n"

func TestParseStat(t *testing.T) {
	tests := []struct {
		name, text string
		want       Stat
	}{
		{"plain", "637 (sshd)" + statTail, Stat{637, "sshd", 'S', 2671}},
		{"blanks and brackets", "9 (a) R 1 (b)" + statTail, Stat{9, "a) R 1 (b", 'S', 2671}},
		{"newline", "9 (we\nird)" + statTail, Stat{9, "we\nird", 'S', 2671}},
		{"empty name", "9 ()" + statTail, Stat{9, "", 'S', 2671}},
		{"ends at the start time", "9 (x) Z" + strings.Repeat(" 0", 18) + " 77", Stat{9, "x", 'Z', 77}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseStat([]byte(tt.text))
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestParseStatErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "must hold a name in brackets"},
		{"no name", "637 sshd S 1", "must hold a name in brackets"},
		{"brackets reversed", "1 ) (", "must hold a name in brackets"},
		{"no id", "(sshd)" + statTail, "must hold a name in brackets"},
		{"id is no number", "x (sshd)" + statTail, "must begin with a process id"},
		{"cut", "637 (sshd) S 1 2 3", "stat has 6 fields, needs 22"},
		{"start is no number", "9 (x) S" + strings.Repeat(" 0", 18) + " -1", "start time"},
		{"state is a word", "9 (x) SS" + strings.Repeat(" 0", 19), "state"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ParseStat([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want one with %q", err, tt.want)
			}
		})
	}
}

const statusText = `Name:	nginx
Umask:	0022
State:	S (sleeping)
Tgid:	812
Ngid:	0
Pid:	812
PPid:	811
TracerPid:	0
Uid:	0	33	0	33
Gid:	33	33	33	33
FDSize:	64
CapInh:	0000000000000000
CapPrm:	000001fffeffffff
CapEff:	0000000000080004
CapBnd:	000001fffeffffff
`

func TestParseStatus(t *testing.T) {
	got, err := ParseStatus([]byte(statusText))
	if want := (Status{Tgid: 812, UID: 33, CapEff: 1<<19 | 1<<2}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{
		"", "Tgid:\t1\n", "Uid:\t0\t0\t0\t0\n", "Tgid:\t1\nUid:\t0\n", "Tgid:\tx\nUid:\t0\t0\n",
		"Tgid:\t1\nUid:\t0\t4294967296\n", "Tgid\nUid\n",
	} {
		if got, err := ParseStatus([]byte(text)); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}

func TestParseResident(t *testing.T) {
	if n, err := ParseResident([]byte("3859 1717 1492 217 0 1142 0\n")); n != 1717 || err != nil {
		t.Errorf("got %d, %v, want 1717", n, err)
	}
	for _, text := range []string{"", "3859", "3859 x", "1 -5", "1 9223372036854775808"} {
		if n, err := ParseResident([]byte(text)); err == nil {
			t.Errorf("%q: got %d, want an error", text, n)
		}
	}
}

func TestCompleteName(t *testing.T) {
	tests := []struct{ comm, path, want string }{
		{"sshd", "/usr/sbin/sshd", "sshd"},
		{"systemd-timesyn", "/usr/lib/systemd/systemd-timesyncd", "systemd-timesyncd"},
		{"systemd-timesyn", "/usr/lib/systemd/systemd-timesyncd (deleted)", "systemd-timesyncd"},
		{"systemd-timesyn", "systemd-timesyncd", "systemd-timesyncd"},
		{"exactly-fifteen", "/bin/exactly-fifteen", "exactly-fifteen"},
		{"long-script-nam", "/usr/bin/python3.13", "long-script-nam"},
		{"fourteen-bytes", "/bin/fourteen-bytes-and-more", "fourteen-bytes"},
		{"renamed-by-prct", "/bin/renamed", "renamed-by-prct"},
		{"systemd-timesyn", "", "systemd-timesyn"},
		{"systemd-timesyn", "/opt/systemd-timesync/bin", "systemd-timesyn"},
		{"", "/bin/x", ""},
	}
	for _, tt := range tests {
		if got := CompleteName(tt.comm, tt.path); got != tt.want {
			t.Errorf("%q of %q: got %q, want %q", tt.comm, tt.path, got, tt.want)
		}
		if Cut(tt.comm) != (len(tt.comm) == 15) {
			t.Errorf("Cut(%q) = %t", tt.comm, Cut(tt.comm))
		}
	}
}

func TestFirstArgument(t *testing.T) {
	for text, want := range map[string]string{
		"nginx: master\x00-c\x00/etc/secret": "nginx: master",
		"alone":                              "alone",
		"":                                   "",
		"\x00x":                              "",
	} {
		if got := FirstArgument([]byte(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("637 (sshd)" + statTail))
	f.Add([]byte("9 (a) R 1 (b)" + statTail))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseStat(text)
		if err == nil && (s.PID < 0 || !strings.Contains(string(text), "("+s.Comm+")")) {
			t.Errorf("%q gives %+v", text, s)
		}
	})
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte(statusText))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := ParseStatus(text); err == nil && s.Tgid < 0 {
			t.Errorf("%q gives %+v", text, s)
		}
	})
}

func FuzzCompleteName(f *testing.F) {
	f.Add("systemd-timesyn", "/usr/lib/systemd/systemd-timesyncd (deleted)")
	f.Fuzz(func(t *testing.T, comm, path string) {
		if got := CompleteName(comm, path); !strings.HasPrefix(got, comm) {
			t.Errorf("%q of %q is completed to %q", comm, path, got)
		}
	})
}
