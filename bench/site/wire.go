package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/devops-trouble-map/dotm/report"
)

// sendTimeout bounds one delivery, as that of an agent.
const sendTimeout = 10 * time.Second

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// line is an agent's connection to the server, which stays open between reports. It
// speaks HTTP/1.1 itself: a client of net/http would cost two goroutines and most of the
// load's processor time.
type line struct {
	address string
	from    net.Addr // nil: whichever
	conn    net.Conn
}

// errWhole is the server's wish for a whole report.
var errWhole = errors.New("the server wants the whole report")

// refusal is an answer that is no policy.
type refusal struct {
	status int
	text   string
}

// Error says what the server said.
func (r *refusal) Error() string { return fmt.Sprintf("%d %.300s", r.status, r.text) }

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// post delivers a body, and reads the answer. A connection that the server closed
// meanwhile is made anew, once.
func (l *line) post(ctx context.Context, kind string, body []byte) (answer []byte, err error) {
	kept := l.conn != nil
	answer, err = l.try(ctx, kind, body)
	if err != nil && kept && l.conn == nil && ctx.Err() == nil && !errors.Is(err, errTimeout) {
		answer, err = l.try(ctx, kind, body)
	}
	return answer, err
}

var errTimeout = errors.New("no answer in time")

func (l *line) try(ctx context.Context, kind string, body []byte) ([]byte, error) {
	end := time.Now().Add(sendTimeout)
	if l.conn == nil {
		d := net.Dialer{Deadline: end, LocalAddr: l.from}
		conn, err := d.DialContext(ctx, "tcp", l.address)
		if err != nil {
			return nil, err
		}
		l.conn = conn
	}
	answer, status, err := l.exchange(end, kind, body)
	if err != nil {
		l.close()
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			err = errTimeout
		}
		return nil, err
	}
	switch {
	case status/100 == 2:
		return answer, nil
	case status == http.StatusConflict && bytes.Contains(answer, []byte(report.WholeWanted)):
		return nil, errWhole
	}
	return nil, &refusal{status, string(answer)}
}

func (l *line) exchange(end time.Time, kind string, body []byte) (answer []byte, status int, err error) {
	if err := l.conn.SetDeadline(end); err != nil {
		return nil, 0, err
	}
	head := make([]byte, 0, 256)
	head = append(append(head, "POST /api/v1/reports HTTP/1.1\r\nUser-Agent: Go-http-client/1.1\r\nHost: "...), l.address...)
	head = append(append(head, "\r\nContent-Type: "...), kind...)
	head = strconv.AppendInt(append(head, "\r\nContent-Length: "...), int64(len(body)), 10)
	out := net.Buffers{append(head, "\r\n\r\n"...), body}
	if _, err := out.WriteTo(l.conn); err != nil {
		return nil, 0, err
	}
	in := readers.Get().(*bufio.Reader)
	defer readers.Put(in)
	in.Reset(l.conn)
	resp, err := http.ReadResponse(in, nil) //nolint:bodyclose // it is read to its end; the line stays
	if err != nil {
		return nil, 0, err
	}
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && resp.Close {
		l.close()
	}
	return answer, resp.StatusCode, err
}

func (l *line) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

// packer makes bodies, again and again in the same memory.
type packer struct {
	text []byte
	body bytes.Buffer
	zip  *gzip.Writer
}

var packers = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is wrong
	}
	return &packer{zip: w}
}}

// pack is a text as agents send it, but packed with less effort: on the other end it
// costs the same. It is good until the next one.
func (p *packer) pack(text []byte) ([]byte, error) {
	p.body.Reset()
	p.zip.Reset(&p.body)
	if _, err := p.zip.Write(text); err != nil {
		return nil, err
	}
	err := p.zip.Close()
	return p.body.Bytes(), err
}

// packReport is a whole report as agents send it.
func packReport(r *report.Report) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	p := packers.Get().(*packer)
	defer packers.Put(p)
	body, err := p.pack(text)
	return bytes.Clone(body), err
}

// policyOf reads what is of importance to an agent in an answer.
func policyOf(answer []byte) (name string, beats bool) {
	var p struct {
		Beats bool
		Name  string
	}
	if json.Unmarshal(answer, &p) != nil {
		return "", false
	}
	return p.Name, p.Beats
}

// ownLoopback is an address for one of many: each agent has its own, as a server may
// bound what comes from one. All of 127.0.0.0/8 are this machine's.
func ownLoopback(i int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, byte(1+i>>16), byte(i>>8), byte(i))}
}
