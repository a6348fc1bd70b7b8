// Package load is what measurements have in common: a `dotm serve` of their own, agents of
// a made-up site that report to it, viewers of its chart, and what it costs, seen from
// outside.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Build makes a dotm of this source folder in dir.
func Build(ctx context.Context, dir string) (program string, err error) {
	program = filepath.Join(dir, "dotm")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "./cmd/dotm")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building dotm (run this in the source folder): %w\n%s", err, out)
	}
	return program, nil
}

// Server is a `dotm serve` on loopback.
type Server struct {
	URL string
	PID int

	cmd *exec.Cmd
	log bytes.Buffer
}

// startWithin is how long a server may take to answer.
const startWithin = 30 * time.Second

// Start runs a server that keeps its data in dir, under settings as in dotm.yaml, with
// more of its flags.
func Start(ctx context.Context, program, dir, settings string, args ...string) (*Server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "dotm.yaml")
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + addr}
	s.cmd = exec.Command(program, append([]string{"serve", "--listen", addr, "--data", filepath.Join(dir, "data"), "--config", config}, args...)...) //nolint:noctx // it ends in order, see Stop
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.PID = s.cmd.Process.Pid
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		if _, err := Get(ctx, s.URL+"/readyz"); err == nil {
			return s, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
			return nil, fmt.Errorf("the server does not answer: %s", s.log.String())
		}
	}
}

// Kill ends the server as a crash does.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// Stop ends the server in order, and returns what it said if that was an error.
func (s *Server) Stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("the server ended with %w: %s", err, s.log.String())
	}
	return nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		return "", err
	}
	defer l.Close() //nolint:errcheck // only its address is wanted
	return l.Addr().String(), nil
}

// maxAnswer bounds what is read.
const maxAnswer = 256 << 20

// Get asks a URL.
func Get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status + ": " + string(body))
	}
	return body, err
}

// Figures are what the server's /metrics say: series by name and labels as they stand
// there, and sums over the labels by name alone.
func (s *Server) Figures(ctx context.Context) (map[string]float64, error) {
	body, err := Get(ctx, s.URL+"/metrics")
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	out := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		line := lines.Text()
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			continue
		}
		series := line[:i]
		out[series] = v
		if name, _, labelled := strings.Cut(series, "{"); labelled {
			out[name] += v
		}
	}
	return out, lines.Err()
}
