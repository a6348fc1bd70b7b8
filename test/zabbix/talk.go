package zabbix

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/daemon"
)

// API calls a method as [Admin], and fails the test if that is refused; it returns the
// result.
func (s *Server) API(t testing.TB, method string, params any) json.RawMessage {
	t.Helper()
	result, err := s.try(method, params, s.session)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// try calls a method with a token or session; empty for none.
func (s *Server) try(method string, params any, auth string) (json.RawMessage, error) {
	call := map[string]any{"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
	if auth != "" {
		call["auth"] = auth
	}
	text, err := json.Marshal(call)
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: daemon.Patience}
	resp, err := client.Post(s.URL+"/api_jsonrpc.php", "application/json-rpc", bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Result json.RawMessage
		Error  json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", method, resp.Status, err)
	}
	if answer.Error != nil {
		return nil, fmt.Errorf("%s: %s", method, answer.Error)
	}
	return answer.Result, nil
}

// create makes something and returns its ID.
func (s *Server) create(t testing.TB, method string, params any) string {
	t.Helper()
	var ids map[string][]any
	s.must(t, json.Unmarshal(s.API(t, method, params), &ids))
	for _, list := range ids {
		if len(list) == 1 {
			return fmt.Sprint(list[0])
		}
	}
	t.Fatalf("%s: %v", method, ids)
	return ""
}

// send gives the server a value of an item, and says whether it took it.
func (s *Server) send(host, key string, value any) error {
	conn, err := net.DialTimeout("tcp", s.Trapper, daemon.Patience)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(daemon.Patience))
	body, err := json.Marshal(map[string]any{"request": "sender data", "data": []any{map[string]any{"host": host, "key": key, "value": fmt.Sprint(value)}}})
	if err != nil {
		return err
	}
	if _, err := conn.Write(packet(body)); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && !strings.Contains(string(answer), "processed: 1") {
		err = fmt.Errorf("%s of %s is not taken: %q", key, host, answer)
	}
	return err
}

// packet is a message in Zabbix' protocol: its length goes before it.
func packet(body []byte) []byte {
	b := append([]byte("ZBXD\x01"), make([]byte, 8)...)
	binary.LittleEndian.PutUint64(b[5:], uint64(len(body)))
	return append(b, body...)
}

// agent answers to a Zabbix as an agent does: whatever is asked for is 1.
type agent struct {
	port string
	l    net.Listener
	all  sync.WaitGroup
}

func startAgent(t testing.TB) *agent {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{l: l}
	_, a.port, _ = net.SplitHostPort(l.Addr().String())
	a.all.Go(a.serve)
	t.Cleanup(func() { _ = l.Close(); a.all.Wait() })
	return a
}

func (a *agent) serve() {
	for {
		conn, err := a.l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			a.all.Go(func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(daemon.Patience))
				if _, err := conn.Read(make([]byte, 1024)); err == nil {
					_, _ = conn.Write(packet([]byte("1")))
				}
			})
		}
	}
}
