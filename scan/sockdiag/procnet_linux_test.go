package sockdiag

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/report"
)

const listening = 1<<fold.Listen | 1<<fold.Established

// procNet makes a directory as /proc, with these files under net.
func procNet(t *testing.T, files map[string]string) string {
	t.Helper()
	proc := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(proc, "thread-self/net"), 0o755))
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(proc, "thread-self/net", name), []byte(text), 0o644))
	}
	return proc
}

const (
	procHeading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	procListen4 = "   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 637 1 0000000097b8c8eb 100 0 0 10 0\n"
	procWait4   = "   1: 020200C0:8222 507100CB:01BB 06 00000000:00000000 03:00000B2C 00000000     0        0 0 3 000000005ff9bd9f\n"
)

func TestReadProcNet(t *testing.T) {
	proc := procNet(t, map[string]string{"tcp": procHeading + procListen4 + procWait4}) // no tcp6: no IPv6
	list, err := AppendProcNet(nil, filepath.Join(proc, "thread-self/net"), report.TCP, listening)
	must(t, err)
	if len(list) != 1 || list[0].State != fold.Listen || list[0].Inode != 637 {
		t.Errorf("got %+v, want the listener alone", list)
	}
}

func TestReadProcNetErrors(t *testing.T) {
	if _, err := AppendProcNet(nil, filepath.Join(procNet(t, nil), "thread-self/net"), report.UDP, listening); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without files: got %v", err)
	}
	proc := procNet(t, map[string]string{"tcp": procHeading + "   0: cut"})
	want := "reading " + proc + "/thread-self/net/tcp: socket row has 2 columns, needs 10: \"   0: cut\""
	if _, err := AppendProcNet(nil, filepath.Join(proc, "thread-self/net"), report.TCP, listening); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
