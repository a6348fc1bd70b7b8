package procfs

import (
	"os"
	"path/filepath"
	"testing"
)

func TestUsers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "passwd")
	write := func(text string) { must(t, os.WriteFile(file, []byte(text), 0o644)) }
	write("root:x:0:0::/root:/bin/sh\n# comment:x:7:7::/:\ntoor:x:0:0::/root:/bin/sh\nbroken\n:x:8:8::/:\nx:x:big:9::/:\nwww-data:x:33:33::/:/bin/false\nbe\x07ll:x:34:34::/:\n+::::::\n")
	u := NewUsers(file)
	for uid, want := range map[uint32]string{0: "root", 33: "www-data", 34: `be\x07ll`, 7: "7", 8: "8", 9: "9", 4294967295: "4294967295"} {
		if got := u.Name(uid); got != want {
			t.Errorf("%d: got %q, want %q", uid, got, want)
		}
	}
	write("root:x:0:0::/root:/bin/sh\nnew-one:x:7:7::/:/bin/sh\n")
	u.Refresh()
	if got := u.Name(7); got != "new-one" {
		t.Errorf("got %q after a change, want new-one", got)
	}
	must(t, os.Remove(file))
	u.Refresh()
	if got := u.Name(7); got != "new-one" {
		t.Errorf("got %q with the file gone, want what it was", got)
	}
}
