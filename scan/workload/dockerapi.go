package workload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

// Bounds of a question to Docker.
const (
	dockerSocket    = "/run/docker.sock"
	maxDockerAnswer = 16 << 20
	dockerPatience  = time.Second
)

// dockerAPI asks Docker's daemon for the list of running containers, GET
// /containers/json of the Docker Engine API. One answer serves for all
// containers, and there is one question in [recheck] at most.
type dockerAPI struct {
	socket   string
	patience time.Duration
	now      func() time.Time
	asked    time.Time
	byID     map[string]Container
	err      error // of the last question
}

func newDockerAPI(root string, now func() time.Time) *dockerAPI {
	return &dockerAPI{socket: filepath.Join(root, dockerSocket), patience: dockerPatience, now: now}
}

// find gives what the last answer says; a container has no file there.
func (a *dockerAPI) find(c proctext.Cgroup) (Container, hostfs.Stamp, error) {
	now := a.now()
	if age := now.Sub(a.asked); a.asked.IsZero() || age < 0 || age >= recheck {
		a.asked = now
		byID, err := a.ask()
		if a.err = err; err == nil {
			a.byID = byID
		}
	}
	if found, ok := a.byID[c.ContainerID]; ok {
		return found, hostfs.Stamp{}, nil
	}
	if a.err != nil {
		return Container{}, hostfs.Stamp{}, a.err
	}
	return Container{}, hostfs.Stamp{}, errUnknown
}

func (a *dockerAPI) ask() (map[string]Container, error) {
	ctx, cancel := context.WithTimeout(context.Background(), a.patience)
	defer cancel()
	text, err := a.get(ctx, "/containers/json")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.socket, a.cause(err))
	}
	byID, err := decodeDockerList(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.socket, err)
	}
	return byID, nil
}

// get asks one question over a connection of its own.
func (a *dockerAPI) get(ctx context.Context, path string) ([]byte, error) {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", a.socket)
		},
	}
	defer transport.CloseIdleConnections()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker"+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := transport.RoundTrip(ask) // follows no redirects
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // reading only
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answers %s", answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxDockerAnswer+1))
	if err == nil && len(text) > maxDockerAnswer {
		err = fmt.Errorf("answer must have at most %d bytes", maxDockerAnswer)
	}
	return text, err
}

// dockerListed is what is used of one container of the list.
type dockerListed struct {
	ID     string `json:"Id"`
	Names  []string
	Image  string
	Labels map[string]string
}

func decodeDockerList(text []byte) (map[string]Container, error) {
	var list []dockerListed
	if err := hostfs.Decode(text, &list); err != nil {
		return nil, err
	}
	byID := make(map[string]Container, len(list))
	for _, c := range list {
		byID[c.ID] = dockerNamed(c.name(), c.Image, c.Labels)
	}
	return byID, nil
}

// name is the container's own; names that others gave it by a link have two
// parts, "/other/alias".
func (c dockerListed) name() string {
	for _, n := range c.Names {
		if n = strings.TrimPrefix(n, "/"); !strings.Contains(n, "/") {
			return n
		}
	}
	return ""
}

// cause shortens what a failed question says to what failed.
func (a *dockerAPI) cause(err error) error {
	var op *net.OpError
	switch {
	case errors.As(err, &op):
		return op.Err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %s", a.patience)
	}
	return err
}
