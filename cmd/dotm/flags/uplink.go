package flags

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/uplink"
)

// envToken may hold a token. There is no flag for it: ps shows arguments.
const envToken = "DOTM_TOKEN"

// Uplink say how an agent or a relay reaches its server.
type Uplink struct {
	Server    string `help:"Address of the server, like https://dotm.example:4849." placeholder:"URL" env:"DOTM_SERVER"`
	TokenFile string `help:"File with the token to enrol with; - is standard input. The variable $$DOTM_TOKEN may hold the token itself." placeholder:"FILE" env:"DOTM_TOKEN_FILE"`
	State     string `help:"Folder that keeps the identity." placeholder:"DIR" type:"path" env:"DOTM_STATE"`
	CAFile    string `help:"CAs that the server's certificate may be signed by (PEM), instead of the one that the token names." placeholder:"FILE" type:"path" env:"DOTM_CA_FILE"`
}

// Open prepares the way to the server.
func (f *Uplink) Open(defaultState string, oneConnection bool) (*uplink.Client, error) {
	token, err := f.Token()
	if err != nil {
		return nil, err
	}
	c, err := uplink.Open(uplink.Options{
		Server: f.Server, Token: token, State: cmp.Or(f.State, defaultState), CAFile: f.CAFile,
		OneConnection: oneConnection, Now: time.Now,
	})
	if err != nil && strings.HasPrefix(err.Error(), "server must") {
		return nil, fmt.Errorf("--%w", err)
	}
	return c, err
}

// Token reads the token; none is no error.
func (f *Uplink) Token() (string, error) {
	if f.TokenFile == "" {
		return strings.TrimSpace(os.Getenv(envToken)), nil
	}
	var in io.Reader = os.Stdin
	if f.TokenFile != "-" {
		file, err := os.Open(f.TokenFile)
		if err != nil {
			return "", fmt.Errorf("reading token: %w", err)
		}
		defer file.Close() //nolint:errcheck // reading only
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, auth.MaxTokenText+1))
	if err != nil {
		return "", fmt.Errorf("reading token: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" {
		return "", fmt.Errorf("reading token: %s is empty (dotm token create prints one)", f.TokenFile)
	}
	return token, nil
}
