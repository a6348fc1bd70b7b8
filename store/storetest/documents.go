package storetest

import (
	"testing"

	"github.com/devops-trouble-map/dotm/store"
)

// testDocuments also tells documents of one key and several kinds apart.
func testDocuments(t *testing.T, s *suite) {
	agent := store.Document{Kind: "agent", Key: "a", Value: []byte(`{"name":"web1"}`)}
	target := store.Document{Kind: "target", Key: "a", Value: []byte("\x00\xff")}
	other := store.Document{Kind: "agent", Key: "ab", Value: []byte("2")}
	s.write(t, store.Change{Keep: []store.Document{agent, target, other}})
	s.holds(t, store.State{Documents: []store.Document{agent, other, target}})

	agent.Value = []byte("3")
	s.write(t, store.Change{
		Drop: []store.DocumentKey{{Kind: "agent", Key: "a"}, {Kind: "target", Key: "a"}, {Kind: "agent", Key: "never"}},
		Keep: []store.Document{agent},
	})
	s.holds(t, store.State{Documents: []store.Document{agent, other}})
}
