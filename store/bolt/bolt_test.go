package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/storetest"
	"github.com/devops-trouble-map/dotm/topology"
)

// childEnv names what the test binary does when a test starts it again as
// another process.
const childEnv = "DOTM_BOLT_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "write":
		os.Exit(writeUntilKilled(os.Args[1]))
	case "replace":
		os.Exit(replaceUntilKilled(os.Args[1]))
	case "open":
		os.Exit(openOnce(os.Args[1]))
	case "full":
		os.Exit(fillDisk(os.Args[1]))
	}
	os.Exit(m.Run())
}

// openOnce opens a database, says how that went, and lets go of it.
func openOnce(dir string) int {
	s, err := Open(dir)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("opened")
	s.Close()
	return 0
}

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Promises{Whole: true}, func(t *testing.T) storetest.Opener {
		dir := t.TempDir()
		return func(t *testing.T) store.Store {
			t.Helper()
			return open(t, dir)
		}
	})
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustWrite(t testing.TB, s *Store, c store.Change) {
	t.Helper()
	if err := s.Write(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// block is the block of a node with some services and connections.
func block(name string, connections int) *topology.Block {
	b := &topology.Block{Node: topology.Node{
		Name: name, Kind: topology.Host, State: topology.Reporting, Verdict: topology.NoVerdict,
		FirstSeen: noon, LastReport: noon, Interval: topology.Duration(10 * time.Second),
	}}
	for i := range connections {
		c := topology.Connection{
			Client: topology.Client{Node: name, Process: "nginx"},
			Server: topology.Server{Node: fmt.Sprintf("db%04d", i), Port: 5432, Process: "postgres", Service: fmt.Sprintf("db%04d~tcp~5432", i)},
			Count:  i, Opened: uint64(i), Protocol: "tcp", Directed: true, Status: topology.Fresh,
			FirstSeen: noon, LastSeen: noon, LastConnection: noon,
			Evidence: topology.Evidence{
				SeenBy:        []topology.Sighting{{Node: name, End: "client", At: noon}},
				ServerAddress: "10.0.0.1", ServerResolved: "address of db", ClientResolved: "reports itself",
			},
		}
		c.ID = topology.ConnectionID(&c)
		b.Connections = append(b.Connections, &c)
	}
	return b
}

func event(i int) topology.Event {
	return topology.Event{
		At: noon.Add(time.Duration(i) * time.Second), Revision: "k3f9zq-42", Kind: topology.Appeared,
		Subject: topology.SubjectConnection, ID: "0123456789abcdef", Node: fmt.Sprintf("web%04d", i),
	}
}

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, dir)
	defer s.Close()
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, FileName): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

// TestForgetIsBounded holds that one write never drops more than its part.
func TestForgetIsBounded(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	list := make([]topology.Event, forgetAtOnce+5)
	for i := range list {
		list[i] = event(0)
	}
	mustWrite(t, s, store.Change{Append: list})
	for _, want := range []int{5, 0, 0} {
		mustWrite(t, s, store.Change{Forget: store.Forget{Before: noon.Add(time.Second)}})
		n := 0
		if err := s.Events(t.Context(), noon, noon.Add(time.Hour), func(topology.Event) bool { n++; return true }); err != nil {
			t.Fatal(err)
		}
		if n != want {
			t.Errorf("%d events left, want %d", n, want)
		}
	}
}

func TestWriteAfterDamageIsAnError(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	err := s.guard("writing", func() error { panic("page 7: not a leaf") })
	if !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a panic of the engine comes back as %v", err)
	}
}

// TestNUL: keys are made of names and NULs, so no name has one.
func TestNUL(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	for _, name := range []string{"\x00", "a\x00", "a\x00b"} {
		for what, c := range map[string]store.Change{
			"record":             {Records: []store.Record{{Node: name, At: noon, Data: []byte("x")}}},
			"service of a use":   {Uses: []store.Use{{Service: name, Connection: "c"}}},
			"kind of a document": {Keep: []store.Document{{Kind: name, Key: "k"}}},
		} {
			if err := s.Write(t.Context(), c); err == nil {
				t.Errorf("%s %q was written", what, name)
			}
		}
	}
	checkCounts(t, s)
}
