package flags

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret bounds a file with a password.
const maxSecret = 4096

// ReadSecret reads a password from a file, or with - from standard input. A
// line end after it is none of it.
func ReadSecret(path string) (string, error) {
	from := io.Reader(os.Stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close() //nolint:errcheck // reading only
		from = f
	}
	raw, err := io.ReadAll(io.LimitReader(from, maxSecret+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("reading %s: %w", path, err)
	case len(raw) > maxSecret:
		return "", fmt.Errorf("%s must be at most %d bytes", path, maxSecret)
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}
