//go:build linux

package realtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// prints runs a program on the host, as LANG=C has it print.
func (h host) prints(t *testing.T, name string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(stage.Need(t, name), args...) //nolint:gosec // found in PATH
	cmd.Env = append(os.Environ(), "LANG=C", "LC_ALL=C")
	cmd.Stdout = &out
	if err := h.Do(cmd.Run); err != nil {
		t.Fatalf("%s on %s: %v", name, h.Name, err)
	}
	return out.String()
}

// imported is the report that dotm makes of a text, without sending it.
func (h host) imported(t *testing.T, text string) *report.Report {
	t.Helper()
	file := filepath.Join(stage.OpenDir(t), "listing.txt")
	stage.Write(t, file, text)
	var r report.Report
	decode(t, h.output(t, "node", "import", file, "--dry-run"), &r)
	return &r
}

// TestImportIsScan: what netstat and ss print of a host becomes the rows that
// our own look at it has, with the same process names and directions.
func TestImportIsScan(t *testing.T) {
	h, _ := shopScene(t)
	h.Memcached(t, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:11211")
	h.Puppet(t, "a-client-of-a-long-name").Dial(t, 1, "tcp", "127.0.0.1:11211")
	var look report.Report
	decode(t, h.output(t, "scan", "--json"), &look)
	want := rowsOf(&look)
	if !slices.Contains(want, "memcached in tcp 127.0.0.1 11211 ×1") {
		t.Fatalf("%q", want)
	}
	long := slices.Index(want, "a-client-of-a-long-name out tcp 127.0.0.1 11211 ×1")
	if long < 0 {
		t.Fatalf("the long name is not whole in %q", want)
	}
	want[long] = "a-client-of-a-l out tcp 127.0.0.1 11211 ×1" // what the kernel keeps is all that text tells
	addresses := h.prints(t, "ip", "address")
	for _, command := range []string{"netstat -tunapW", "ss -tunap", "ss -tunape"} {
		f := strings.Fields(command)
		got := rowsOf(h.imported(t, "hostname=web1\n"+h.prints(t, f[0], f[1:]...)+"\n"+addresses))
		for i, row := range got {
			if name, rest, _ := strings.Cut(row, " "); f[0] == "netstat" && strings.HasPrefix(name, "a-client-of") {
				got[i] = "a-client-of-a-l " + rest // its column cuts by the length of the process id
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-scan +import):\n%s", command, diff)
		}
	}
}

// TestText: an agent that serves its sockets as text, and a server that asks
// it, show what an agent that reports would, of TCP.
func TestText(t *testing.T) {
	web, db := twoHosts(t)
	db.Redis(t, 6379, dbAddress, dbAddress6, "127.0.0.1")
	db.Reachable(t, join(dbAddress, 6379))
	orders, backup := web.Puppet(t, "orders"), db.Puppet(t, "backup")
	web.Puppet(t, "store").Listen(t, "tcp4", webAddress+":2049")
	orders.Dial(t, 3, "tcp", join(dbAddress, 6379))
	orders.Dial(t, 1, "tcp", join(dbAddress6, 6379))
	backup.Dial(t, 2, "tcp", join(webAddress, 2049))
	backup.Dial(t, 1, "tcp", "127.0.0.1:6379")
	agent := db.Dotm(t, []string{"agent", "--listen-text", join(dbAddress, 4848), "--allow", webAddress})
	agent.Says(t, "Sockets are served as text on 10.77.0.2:4848, to [10.77.0.1/32] only.")

	d := web.Serve(t, join(webAddress, 4849), []string{"serve", "--insecure", "--listen", join(webAddress, 4849), "--data", stage.OpenDir(t)})
	d.Set(t, `{"poll_interval":"5s"}`)
	status, answer, err := d.Do(t.Context(), http.MethodPost, "/nodes", "application/json", []byte(`{"url":"text://`+dbAddress+`"}`))
	if err != nil || status/100 != 2 {
		t.Fatalf("adding the node: %d, %s, %v", status, answer, err)
	}
	d.Shows(t, chart.Scene{
		Nodes: []string{"db1 host reporting", webAddress + " inferred inferred", webAddress6 + " inferred inferred"},
		Services: []string{
			"db1 redis-server tcp/6379 listening 10.77.0.2,127.0.0.1,fd77::2",
			webAddress + " (hidden) tcp/2049 seen " + webAddress,
		},
		Edges: []string{
			webAddress + " → db1/redis-server:6379/tcp ×3",
			webAddress6 + " → db1/redis-server:6379/tcp ×1",
			"db1/backup → " + webAddress + ":2049/tcp ×2",
			"db1/backup → db1/redis-server:6379/tcp ×1 both",
		},
	}, "db1")

	// Nobody else gets a byte, and the log says so once.
	for range 3 {
		conn, err := db.Dial(t.Context(), "tcp", join(dbAddress, 4848))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(conn); len(text) > 0 || err != nil {
			t.Errorf("a stranger gets %q, %v", text, err)
		}
		_ = conn.Close()
	}
	agent.Says(t, "not allowed", "from="+dbAddress)
	if n := strings.Count(agent.Err(), "not allowed"); n != 1 {
		t.Errorf("told %d times:\n%s", n, agent.Err())
	}
	agent.Terminate(t, stage.Patience)
	stage.Eventually(t, "the list of nodes says that db1 can't be reached", func() error {
		var list struct {
			Targets []struct{ Kind, Node string }
		}
		if err := d.Get(t.Context(), "/nodes", &list); err != nil {
			return err
		}
		if len(list.Targets) != 1 || list.Targets[0].Kind != "unreachable" || list.Targets[0].Node != "db1" {
			return fmt.Errorf("%+v", list.Targets)
		}
		return nil
	})
}
