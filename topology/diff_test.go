package topology

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shop is a small site: web1 serves and calls db1.
func shop() []*Block {
	web, db := host("web1", "10.0.0.1"), host("db1", "10.0.0.2")
	web.Services = []Service{
		{ID: "web1~tcp~22", Node: "web1", Process: "sshd", State: Listening, Addresses: addrs("0.0.0.0")},
		{ID: "web1~tcp~80", Node: "web1", Process: "nginx", State: Listening, Addresses: addrs("0.0.0.0")},
	}
	web.Connections = []*Connection{{ID: "c1", Client: Client{Node: "web1"}, Count: 3, Status: Fresh}}
	db.Services = []Service{{ID: "db1~tcp~5432", Node: "db1", State: Listening}}
	return []*Block{db, web}
}

func TestDiff(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(db, web *Block) []*Block // of copies
		want []string
	}{
		{"nothing", func(db, web *Block) []*Block { return []*Block{db, web} }, nil},
		{"times only", func(db, web *Block) []*Block {
			later := noon.Add(time.Minute)
			web.Node.LastReport, web.Node.Skew, web.Node.Cost = later, 5, Cost{Sockets: 7}
			web.Services[0].LastSeen, web.Services[0].LastConnection = later, later
			web.Write(0)
			web.Connections[0].LastSeen, web.Connections[0].LastConnection = later, later
			return []*Block{db, web}
		}, nil},
		{"numbers only", func(db, web *Block) []*Block {
			web.Write(0)
			web.Services[1].Clients, web.Connections[0].Count, web.Connections[0].Opened = 9, 0, 12
			return []*Block{db, web}
		}, nil},
		{"node appears", func(db, web *Block) []*Block {
			n := host("app1")
			n.Services = []Service{{ID: "app1~tcp~1", Node: "app1", State: Listening}}
			n.Connections = []*Connection{{ID: "c9", Client: Client{Node: "app1"}, Status: Fresh}}
			return []*Block{n, db, web}
		}, []string{"appeared node app1", "appeared service app1~tcp~1", "appeared connection c9"}},
		{"node vanishes", func(db, _ *Block) []*Block { return []*Block{db} }, []string{
			"vanished node web1", "vanished service web1~tcp~22", "vanished service web1~tcp~80", "vanished connection c1",
		}},
		{"node changes", func(db, web *Block) []*Block {
			web.Node.Kind, web.Node.State, web.Node.Addresses = Container, Stale, addrs("10.0.0.3")
			web.Node.Identity, web.Node.Zone, web.Node.Agent = "x", "west", "2"
			return []*Block{db, web}
		}, []string{"changed node web1 kind,state,addresses,identity,zone,agent"}},
		{"service appears", func(db, web *Block) []*Block {
			db.Services = append(db.Services, Service{ID: "db1~tcp~9100", Node: "db1", State: Seen})
			return []*Block{db, web}
		}, []string{"appeared service db1~tcp~9100"}},
		{"service goes", func(db, web *Block) []*Block {
			web.Services[1].State = Gone
			return []*Block{db, web}
		}, []string{"vanished service web1~tcp~80"}},
		{"service is dropped", func(db, web *Block) []*Block {
			web.Services = web.Services[:1]
			return []*Block{db, web}
		}, []string{"vanished service web1~tcp~80"}},
		{"service comes as gone", func(db, web *Block) []*Block {
			db.Services = append(db.Services, Service{ID: "db1~tcp~9100", Node: "db1", State: Gone})
			return []*Block{db, web}
		}, nil},
		{"service changes", func(db, web *Block) []*Block {
			s := &web.Services[1]
			s.Process, s.Addresses, s.Container = "caddy", addrs("127.0.0.1"), "web"
			return []*Block{db, web}
		}, []string{"changed service web1~tcp~80 process,addresses,container"}},
		{"service changes and goes", func(db, web *Block) []*Block {
			web.Services[1].State, web.Services[1].Process = Gone, ""
			return []*Block{db, web}
		}, []string{"vanished service web1~tcp~80"}},
		{"connection turns old", func(db, web *Block) []*Block {
			web.Write(0).Status = Old
			return []*Block{db, web}
		}, []string{"vanished connection c1"}},
		{"connection is replaced", func(db, web *Block) []*Block {
			web.Write(0).ID = "c0"
			return []*Block{db, web}
		}, []string{"appeared connection c0", "vanished connection c1"}},
		{"connection goes to another block", func(db, web *Block) []*Block {
			db.Connections, web.Connections = web.Connections, nil
			return []*Block{db, web}
		}, nil},
		{"node is renamed", func(db, web *Block) []*Block {
			db.Node.Formerly = []Former{{Name: "db0"}} // long ago
			web.Node.Formerly = []Former{{Name: "web1"}}
			web.Node.Name = "www"
			for i := range web.Services {
				s := &web.Services[i]
				s.ID, s.Node = strings.Replace(s.ID, "web1", "www", 1), "www"
			}
			web.Write(0).Client.Node = "www"
			web.Write(0).ID = ConnectionID(web.Connections[0])
			return []*Block{db, web}
		}, []string{"changed node www name"}},
		{"holder of a virtual address", func(db, web *Block) []*Block {
			web.Node.Holders = []Holder{{Node: "x"}}
			return []*Block{db, web}
		}, []string{"changed node web1 holder"}},
		{"several, in order", func(db, web *Block) []*Block {
			db.Node.Agent, db.Services[0].State, web.Services[0].Process = "2", Gone, "dropbear"
			web.Services = append(web.Services, Service{ID: "web1~tcp~9", Node: "web1", State: Listening})
			web.Connections = nil
			return []*Block{db, web}
		}, []string{
			"changed node db1 agent", "vanished service db1~tcp~5432",
			"changed service web1~tcp~22 process", "appeared service web1~tcp~9", "vanished connection c1",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			blocks := shop()
			a := from(t, blocks...)
			b, err := FromBlocks(first.Next(), noon.Add(time.Minute), tt.edit(blocks[0].Clone(), blocks[1].Clone()))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, spell(Diff(a, b))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDiffBack reads what appeared one way as vanished the other way.
func TestDiffBack(t *testing.T) {
	empty, full := Empty(first, noon), from(t, shop()...)
	there, back := spell(Diff(empty, full)), spell(Diff(full, empty))
	for i := range there {
		there[i] = strings.Replace(there[i], "appeared", "vanished", 1)
	}
	if len(there) != 6 || !slices.Equal(there, back) {
		t.Errorf("there %v, back %v", there, back)
	}
}

// TestDiffOldAgain tells that an old connection which opens again has appeared.
func TestDiffOldAgain(t *testing.T) {
	blocks := shop()
	blocks[1].Write(0).Status = Old
	if got := spell(Diff(from(t, blocks...), from(t, shop()...))); !slices.Equal(got, []string{"appeared connection c1"}) {
		t.Errorf("got %v", got)
	}
}

func TestDiffEvent(t *testing.T) {
	blocks := shop()
	web := blocks[1].Clone()
	web.Services[1].Process = "caddy"
	at := noon.Add(time.Hour)
	b, err := FromBlocks(Revision{"e2", 7}, at, []*Block{blocks[0], web})
	if err != nil {
		t.Fatal(err)
	}
	want := []Event{{
		At: at, Revision: "e2-7", Kind: Changed, Subject: SubjectService,
		ID: "web1~tcp~80", Node: "web1", Process: "caddy", Holder: "web1", What: []string{"process"},
	}}
	if diff := cmp.Diff(want, Diff(from(t, blocks...), b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func spell(events []Event) (out []string) {
	for _, e := range events {
		line := string(e.Kind) + " " + string(e.Subject) + " " + e.ID
		if e.What != nil {
			line += " " + strings.Join(e.What, ",")
		}
		out = append(out, line)
	}
	return out
}
