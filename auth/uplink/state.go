package uplink

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

// stateFile keeps the identity, mode 0600.
const stateFile = "agent.json"

// maxState bounds it.
const maxState = 1 << 20

// state is the identity. Without an ID it is the secret of one that enrols.
type state struct {
	Server   string    `json:"server"`
	ID       string    `json:"id,omitempty"`
	Secret   string    `json:"secret"`
	Token    string    `json:"token"`        // the hash of the token that it was got for
	CA       string    `json:"ca,omitempty"` // the CA that the server's certificate must be of, PEM
	Enrolled time.Time `json:"enrolled,omitzero"`
}

func statePath(dir string) string { return filepath.Join(dir, stateFile) }

// readState reads the identity; none is no error.
func readState(dir string) (s state, err error) {
	path := statePath(dir)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || dir == "" {
		return state{}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("reading identity: %w (choose the folder with --state)", err)
	}
	if info.Size() > maxState {
		return state{}, fmt.Errorf("reading identity: %s must be at most %d bytes", path, maxState)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return state{}, fmt.Errorf("reading identity: %w (run as the user who enrolled, or choose the folder with --state)", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil || s.Secret == "" {
		return state{}, fmt.Errorf("reading identity: %s is damaged: remove it and enrol with a new token", path)
	}
	return s, nil
}

// certificate parses the CA; nil if there is none.
func (s *state) certificate() (*x509.Certificate, error) {
	if s.CA == "" {
		return nil, nil //nolint:nilnil // no CA is one of the answers
	}
	block, _ := pem.Decode([]byte(s.CA))
	if block == nil {
		return nil, errors.New("reading identity: its CA is damaged: remove it and enrol with a new token")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading identity: its CA is damaged: %w", err)
	}
	return cert, nil
}

// tryState makes the folder, and finds out whether it can be written to, before
// a token is spent.
func tryState(dir string) error {
	if dir == "" {
		return errors.New("identity has no folder: name one with --state")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making folder of the identity: %w (choose another with --state)", err)
	}
	f, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return fmt.Errorf("folder of the identity can't be written to: %w (choose another with --state)", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func writeState(dir string, s state) error {
	raw, err := json.MarshalIndent(s, "", "  ") //nolint:gosec // the file is there to keep the secret, mode 0600
	if err != nil {
		return fmt.Errorf("encoding identity: %w", err)
	}
	if err := auth.WriteSecret(statePath(dir), append(raw, '\n')); err != nil {
		return fmt.Errorf("keeping identity: %w (choose another folder with --state)", err)
	}
	return nil
}
