package ending

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

// job is something that systemd has to do: org.freedesktop.systemd1(5).
type job struct {
	unit, kind string // as "reboot.target", "start"
}

// What is read of the bus at most: the answer is some hundred bytes for each job, and an
// agent ends with all units of the host.
const (
	maxMessage  = 1 << 20
	maxMessages = 64
	maxLine     = 4 << 10
)

// listJobs asks systemd for its jobs, over the bus of the system (D-Bus specification, at
// dbus.freedesktop.org). Everybody may ask that. It is the one question that the agent has,
// so that a library for all of D-Bus would be most of what it is made of.
func listJobs(ctx context.Context, socket string) ([]job, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("reaching the bus: %w", err)
	}
	defer conn.Close() //nolint:errcheck // nothing to lose
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, fmt.Errorf("reaching the bus: %w", err)
		}
	}
	in := bufio.NewReaderSize(conn, maxLine)
	if err := introduce(conn, in); err != nil {
		return nil, err
	}
	const hello, list = 1, 2 // the numbers of the calls
	calls := append(
		call(hello, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello"),
		call(list, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "ListJobs")...)
	if _, err := conn.Write(calls); err != nil {
		return nil, fmt.Errorf("asking systemd: %w", err)
	}
	for range maxMessages {
		m, err := readMessage(in)
		if err != nil {
			return nil, fmt.Errorf("reading from the bus: %w", err)
		}
		if m.answers == list {
			return m.jobs()
		}
		if m.answers == hello && m.kind == kindError {
			return nil, errRefused
		}
	}
	return nil, fmt.Errorf("reading from the bus: no answer in %d messages", maxMessages)
}

var (
	errRefused = errors.New("the bus refused the question")
	errCut     = errors.New("message of the bus is damaged")
)

// introduce says who asks, by the user that the kernel knows this process as (EXTERNAL).
func introduce(out io.Writer, in *bufio.Reader) error {
	user := hex.EncodeToString([]byte(strconv.Itoa(os.Getuid())))
	if _, err := io.WriteString(out, "\x00AUTH EXTERNAL "+user+"\r\n"); err != nil {
		return fmt.Errorf("asking the bus: %w", err)
	}
	line, err := in.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("asking the bus: %w", err)
	}
	if !strings.HasPrefix(string(line), "OK ") {
		return errRefused
	}
	if _, err := io.WriteString(out, "BEGIN\r\n"); err != nil {
		return fmt.Errorf("asking the bus: %w", err)
	}
	return nil
}

// The kinds of message that are told apart, and the codes of header fields.
const (
	kindCall  = 1
	kindError = 3

	noAutoStart = 2 // a flag: nothing is to be started for the question

	fieldPath, fieldInterface, fieldMember, fieldAnswers, fieldTo = 1, 2, 3, 5, 6
)

// call is a call without arguments.
func call(serial uint32, to, path, iface, member string) []byte {
	b := []byte{'l', kindCall, noAutoStart, 1}
	b = binary.LittleEndian.AppendUint32(b, 0) // no body
	b = binary.LittleEndian.AppendUint32(b, serial)
	b = append(b, 0, 0, 0, 0) // the length of the fields
	for _, f := range []struct {
		code byte
		kind byte
		text string
	}{{fieldPath, 'o', path}, {fieldInterface, 's', iface}, {fieldMember, 's', member}, {fieldTo, 's', to}} {
		b = pad(b)
		b = append(b, f.code, 1, f.kind, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.text)))
		b = append(append(b, f.text...), 0)
	}
	binary.LittleEndian.PutUint32(b[12:], uint32(len(b)-16))
	return pad(b)
}

func pad(b []byte) []byte {
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

// message is what of one matters here.
type message struct {
	kind      byte
	answers   uint32 // the number of the call; 0 if it is no answer
	signature string
	body      cursor
}

// readMessage reads the next message.
func readMessage(in io.Reader) (*message, error) {
	var head [16]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 'B' {
		order = binary.BigEndian
	}
	body, fields := uint64(order.Uint32(head[4:])), uint64(order.Uint32(head[12:]))
	padded := (fields + 7) / 8 * 8
	if head[3] != 1 || padded+body > maxMessage {
		return nil, errCut
	}
	rest := make([]byte, padded+body)
	if _, err := io.ReadFull(in, rest); err != nil {
		return nil, err
	}
	m := &message{kind: head[1], body: cursor{raw: rest[padded:], order: order}}
	return m, m.fields(&cursor{raw: rest[:fields], order: order})
}

// fields reads those of the header that matter.
func (m *message) fields(c *cursor) error {
	const signatureField = 8
	for c.align(8); len(c.raw) > c.at && !c.cut; c.align(8) {
		code := c.byte()
		switch kind := c.signature(); kind {
		case "u":
			if n := c.uint(); code == fieldAnswers {
				m.answers = n
			}
		case "s", "o":
			c.text()
		case "g":
			if s := c.signature(); code == signatureField {
				m.signature = s
			}
		default:
			return errCut
		}
	}
	if c.cut {
		return errCut
	}
	return nil
}

// jobs reads the answer to ListJobs: an array of number, unit, kind, state, and two paths.
func (m *message) jobs() ([]job, error) {
	if m.kind == kindError || m.signature != "a(usssoo)" {
		return nil, errRefused
	}
	c := &m.body
	end := int(c.uint())
	c.align(8)
	if end += c.at; end > len(c.raw) {
		return nil, errCut
	}
	var out []job
	for c.at < end && !c.cut {
		c.align(8)
		c.uint()
		j := job{unit: c.text()}
		j.kind = c.text()
		c.text()
		c.text()
		c.text()
		out = append(out, j)
	}
	if c.cut {
		return nil, errCut
	}
	return out, nil
}

// cursor reads values. What goes beyond the end is cut, and gives zero values.
type cursor struct {
	raw   []byte
	at    int
	order binary.ByteOrder
	cut   bool
}

func (c *cursor) align(n int) { c.at = (c.at + n - 1) / n * n }

func (c *cursor) take(n int) []byte {
	if c.cut || n < 0 || n > len(c.raw)-c.at {
		c.cut = true
		return nil
	}
	c.at += n
	return c.raw[c.at-n : c.at]
}

func (c *cursor) byte() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint() uint32 {
	c.align(4)
	if b := c.take(4); b != nil {
		return c.order.Uint32(b)
	}
	return 0
}

// text is a string or a path; signature is the type of values.
func (c *cursor) text() string {
	s := string(c.take(int(c.uint())))
	c.take(1)
	return s
}

func (c *cursor) signature() string {
	s := string(c.take(int(c.byte())))
	c.take(1)
	return s
}
