//go:build linux

package realtest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// onDisk reads what a dotm that dies now leaves behind: from a copy, for the
// file is in use. It fails if that was copied in the middle of a write.
func onDisk(t *testing.T, data string) (state store.State, err error) {
	t.Helper()
	dir := t.TempDir()
	if err := copyFile(filepath.Join(dir, bolt.FileName), filepath.Join(data, bolt.FileName)); err != nil {
		return state, err
	}
	s, err := bolt.Open(dir)
	if err != nil {
		return state, err
	}
	defer s.Close() //nolint:errcheck // a copy
	return s.Load(t.Context())
}

// holds says whether a stored state has a connection of a process.
func holds(state store.State, process string) error {
	for _, b := range state.Blocks {
		for i := range b.Connections {
			if b.Connections[i].Client.Process == process {
				return nil
			}
		}
	}
	return fmt.Errorf("no connection of %s is stored", process)
}

func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // reading only
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

// A restart is no event, whether dotm was asked to end or killed: everything
// is as it was, and nothing is there twice.
func TestRestart(t *testing.T) {
	for _, way := range []struct {
		name string
		end  func(t *testing.T, d *stage.Server)
	}{
		{"SIGTERM", func(t *testing.T, d *stage.Server) {
			if code := d.Terminate(t, 5*time.Second); code != 0 {
				t.Fatalf("exit code %d\n%s", code, d.Err())
			}
		}},
		{"SIGKILL", func(_ *testing.T, d *stage.Server) { d.Kill() }},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			web, db := twoHosts(t)
			web.Redis(t, 6379, "127.0.0.1", webAddress)
			web.Reachable(t, "127.0.0.1:6379")
			web.Puppet(t, "orders").Dial(t, 3, "tcp", "127.0.0.1:6379")
			db.Puppet(t, "remote").Dial(t, 2, "tcp", webAddress+":6379")
			late, data := web.Puppet(t, "late"), stage.OpenDir(t)
			want := chart.Scene{
				Nodes:    []string{"web1 host reporting", dbAddress + " inferred inferred"},
				Services: []string{"web1 redis-server tcp/6379 listening 10.77.0.1,127.0.0.1"},
				Edges: []string{
					"web1/orders → web1/redis-server:6379/tcp ×3 both",
					"web1/late → web1/redis-server:6379/tcp ×1 both",
					dbAddress + " → web1/redis-server:6379/tcp ×2",
				},
			}
			d := web.up(t, data)
			late.Dial(t, 1, "tcp", "127.0.0.1:6379") // opens while dotm looks, so that it is counted
			before := d.Shows(t, want, "web1")
			stage.Eventually(t, "what is seen is on disk", func() error {
				state, err := onDisk(t, data)
				return errors.Join(err, holds(state, "late"))
			})
			way.end(t, d)
			after := web.up(t, data).Shows(t, want, "web1")
			sameHistory(t, before, after)
		})
	}
}

// sameHistory compares all that a restart must keep.
func sameHistory(t *testing.T, before, after *chart.Chart) {
	t.Helper()
	for i := range before.Connections {
		old := &before.Connections[i]
		if old.Own {
			continue
		}
		for j := range after.Connections {
			e := &after.Connections[j]
			if e.ID == old.ID && (!e.FirstSeen.Equal(old.FirstSeen) || !e.LastConnection.Equal(old.LastConnection) || e.Opened != old.Opened) {
				t.Errorf("%s: first seen %s, last connection %s, opened %d; before the restart %s, %s, %d",
					e, e.FirstSeen, e.LastConnection, e.Opened, old.FirstSeen, old.LastConnection, old.Opened)
			}
		}
	}
	for i := range before.Nodes {
		old := &before.Nodes[i]
		if n := after.Node(old.Name); !n.FirstSeen.Equal(old.FirstSeen) {
			t.Errorf("node %s: first seen %s, before the restart %s", n.Name, n.FirstSeen, old.FirstSeen)
		}
	}
	if s, old := after.Service("web1", 6379), before.Service("web1", 6379); s.ID != old.ID || !s.FirstSeen.Equal(old.FirstSeen) {
		t.Errorf("service %s: first seen %s; before the restart %s, %s", s.ID, s.FirstSeen, old.ID, old.FirstSeen)
	}
}

// A revision names one state for ever. A server that is killed forgets up to a
// second of its last ones, and must not give their names to other states: a
// viewer that comes back would believe that it missed nothing.
func TestRevisionsAfterKill(t *testing.T) {
	h := newHost(t, "web1")
	h.Redis(t, 6379, "127.0.0.1")
	h.Reachable(t, "127.0.0.1:6379")
	data, orders, billing := stage.OpenDir(t), h.Puppet(t, "orders"), h.Puppet(t, "billing")
	shown := forgotten(t, h, data, orders)

	d := h.up(t, data)
	var names []string
	stage.Eventually(t, "as many revisions as before the kill", func() error {
		c, err := d.Chart(t.Context())
		if err != nil {
			return err
		}
		now := strings.Join(c.Scene().Edges, "\n")
		if before, ok := shown[c.Revision]; ok && before != now {
			t.Fatalf("revision %s named this before the kill:\n%s\nand names this after it:\n%s", c.Revision, before, now)
		}
		if len(names) == 0 || names[len(names)-1] != c.Revision {
			names = append(names, c.Revision)
			billing.Dial(t, 1, "tcp", "127.0.0.1:6379")
		}
		if len(names) <= len(shown)+2 {
			return fmt.Errorf("revisions so far: %v", names)
		}
		return nil
	})
	t.Logf("after the kill: %v", names)
}

// forgotten runs a dotm and kills it when it has shown states that are not on
// disk. It returns all that it showed, by revision.
func forgotten(t *testing.T, h host, data string, client *stage.Puppet) map[string]string {
	t.Helper()
	for range 10 { // the disk may be faster
		shown := map[string]string{}
		d := h.up(t, data)
		writes := lastWrite(t, data)
		stage.Eventually(t, "a write just now", func() error {
			if at := lastWrite(t, data); at.Equal(writes) {
				return fmt.Errorf("the last one was at %s", at)
			}
			return nil
		})
		var last string
		for range 3 {
			client.Dial(t, 1, "tcp", "127.0.0.1:6379")
			before := last
			stage.Eventually(t, "a new revision", func() error {
				c, err := d.Chart(t.Context())
				if err != nil {
					return err
				}
				last = c.Revision
				shown[last] = strings.Join(c.Scene().Edges, "\n")
				if last == before {
					return errors.New("the revision is still " + last)
				}
				return nil
			})
		}
		d.Kill()
		state, err := onDisk(t, data)
		if err != nil {
			t.Fatal(err)
		}
		if shown[state.Revision.String()] == "" || state.Revision.String() != last {
			t.Logf("shown %v, on disk %s", slices.Sorted(maps.Keys(shown)), state.Revision)
			return shown
		}
	}
	t.Fatal("everything that was shown was on disk, ten times")
	return nil
}

// lastWrite is when the database was last written.
func lastWrite(t *testing.T, data string) time.Time {
	t.Helper()
	info, err := os.Stat(filepath.Join(data, bolt.FileName))
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}
