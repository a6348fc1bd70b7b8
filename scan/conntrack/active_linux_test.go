package conntrack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/netns"
)

// fakeProc makes a directory that stands for /proc.
func fakeProc(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

const statistics = `entries  clashres found new invalid ignore delete
0000002a  00000000 00000001 00000002 00000003 00000004 00000005
0000002a  00000000 00000001 00000002 00000003 00000004 00000005
`

func TestTracked(t *testing.T) {
	const count, stat = "sys/net/netfilter/nf_conntrack_count", "thread-self/net/stat/nf_conntrack"
	tests := []struct {
		name  string
		files map[string]string
		want  int
		fails string
	}{
		{"count", map[string]string{count: "17\n", stat: statistics}, 17, ""},
		{"nothing tracked", map[string]string{count: "0\n"}, 0, ""},
		{"statistics alone", map[string]string{stat: statistics}, 42, ""},
		{"neither", nil, 0, "connection tracking is not active"},
		{"no number", map[string]string{count: "many\n"}, 0, `nf_conntrack_count must be a number from 0, is "many\n"`},
		{"negative", map[string]string{count: "-1\n"}, 0, `nf_conntrack_count must be a number from 0, is "-1\n"`},
		{"empty", map[string]string{count: ""}, 0, `nf_conntrack_count must be a number from 0, is ""`},
		{"heading alone", map[string]string{stat: "entries\n"}, 0, `stat/nf_conntrack must have a hexadecimal number in its second line, has ""`},
		{"no statistics", map[string]string{stat: "entries\nmany\n"}, 0, `hexadecimal number in its second line`},
		{"a directory", map[string]string{count + "/x": ""}, 0, "counting tracked connections: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := filesOf(fakeProc(t, tt.files)).tracked()
			if got != tt.want || (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("got %d, %v, want %d, %q", got, err, tt.want, tt.fails)
			}
		})
	}
}

// TestInactive: without tracking in the kernel there is nothing to ask.
func TestInactive(t *testing.T) {
	r := New(Options{Proc: t.TempDir()})
	r.talk = func(context.Context, []byte, []byte, *answer) error {
		t.Error("the kernel was asked")
		return nil
	}
	table := tableOf([4]string{"10.0.0.9:40000", "203.0.113.1:80", "10.0.0.2:8080", "10.0.0.9:40000"})
	if err := r.Read(context.Background(), table); !errors.Is(err, ErrInactive) || table.Len() != 0 {
		t.Errorf("got %v with %d flows, want ErrInactive with none", err, table.Len())
	}
}

func TestUnreadable(t *testing.T) {
	if err := unreadable(os.ErrPermission); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
	if err := unreadable(os.ErrClosed); errors.Is(err, ErrRefused) || !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want another than ErrRefused", err)
	}
}

// TestKernelFiles: both files of this kernel say the same.
func TestKernelFiles(t *testing.T) {
	s := newSpace(t)
	s.do(func() error { return insert(0, 19, 0) })
	if n := s.tracked(); n != 19 {
		t.Errorf("sysctl says %d, want 19", n)
	}
	f := filesOf("/proc")
	f.count = "/proc/no/such/file"
	var n int
	err := s.try(func() (err error) { n, err = f.tracked(); return err })
	if errors.Is(err, ErrInactive) {
		t.Skip("the kernel was built without NF_CONNTRACK_PROCFS")
	}
	if n != 19 || err != nil {
		t.Errorf("statistics say %d, %v, want 19", n, err)
	}
}

func TestBuckets(t *testing.T) {
	if n := filesOf("/proc").buckets(); n == 0 {
		netns.Cannot(t, "the kernel doesn't tell the size of its table")
	}
	for text, want := range map[string]int{"65536\n": 65536, "many\n": 0, "": 0} {
		proc := fakeProc(t, map[string]string{"sys/net/netfilter/nf_conntrack_buckets": text})
		if n := filesOf(proc).buckets(); n != want {
			t.Errorf("%q is %d, want %d", text, n, want)
		}
	}
	if n := filesOf(t.TempDir()).buckets(); n != 0 {
		t.Errorf("no file is %d, want 0", n)
	}
}
