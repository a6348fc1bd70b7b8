package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// declaredKind is the kind of document that says what is declared in a source, by
// the source's name.
const declaredKind = "declared"

// maxDeclared is how large such a document may be, in bytes: more is known while
// the source is read, and not kept.
const maxDeclared = 16 << 20

// keepDeclared keeps what is declared in a source.
func (s *Server) keepDeclared(source string, d *monitor.Declared) error {
	value, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encoding it: %w", err)
	}
	if len(value) > maxDeclared {
		return fmt.Errorf("it is %d bytes, which is more than the %d that are kept", len(value), maxDeclared)
	}
	return s.ChangeDocuments(context.Background(), []store.Document{{Kind: declaredKind, Key: source, Value: value}}, nil)
}

// recall tells the board what was declared in the sources when they were read last.
func (s *Server) recall() {
	kept := map[string]*monitor.Declared{}
	for _, doc := range s.Documents(declaredKind) {
		d := &monitor.Declared{}
		if err := json.Unmarshal(doc.Value, d); err != nil {
			s.opt.Log.Warn("what is declared in a monitoring source can't be read back; it is known again once the source is read", "source", doc.Key, "error", err)
			continue
		}
		kept[doc.Key] = d
	}
	s.board.Know(kept)
}

// Declared lists what people declared in the monitoring systems that is about a
// node, or all of it with an empty name, and what the sockets tell of it.
func (s *Server) Declared(ctx context.Context, node string) (list []monitor.Relation, err error) {
	data := func() ([]byte, error) { return []byte(node), nil }
	body, err := s.handOver(ctx, askDeclared, data, func() error {
		list = s.board.Declared(node)
		return nil
	})
	if body != nil {
		err = errors.Join(err, json.Unmarshal(body, &list))
	}
	if err != nil {
		return nil, fmt.Errorf("asking what is declared: %w", err)
	}
	observe(s.Snapshot(), list)
	return list, nil
}

// observe sets the declared dependencies beside the connections that are known.
func observe(snap *topology.Snapshot, list []monitor.Relation) {
	asked := map[[2]string][]*monitor.Relation{}
	for i := range list {
		r := &list[i]
		if r.Kind != monitor.DependsOn {
			continue
		}
		r.Observed = monitor.SeenUnknown
		of, to := snap.Block(r.Of.Node), snap.Block(r.To.Node)
		switch {
		case of == nil || to == nil:
		case r.Of.Node == r.To.Node && r.To.Service == "" || r.Of.Service != "" && r.Of.Service == r.To.Service:
			r.Observed = monitor.SeenConnection // within one thing there is nothing to see
		default:
			if of.Node.State == topology.Reporting {
				r.Observed = monitor.SeenNone
			}
			ends := [2]string{r.Of.Node, r.To.Node}
			asked[ends] = append(asked[ends], r)
		}
	}
	if len(asked) == 0 {
		return
	}
	for c := range snap.Connections() {
		for _, r := range asked[[2]string{c.Client.Node, c.Server.Node}] {
			switch {
			case r.To.Service == "" || r.To.Service == c.Server.Service:
				r.Observed = monitor.SeenConnection
			case r.Observed != monitor.SeenConnection:
				r.Observed = monitor.SeenNode
			}
		}
	}
}
