// Package config reads dotm.yaml. Nobody below imports it: cmd turns what it
// says into the options of each package.
package config

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v4"

	"github.com/devops-trouble-map/dotm/store"
)

// MaxBytes bounds the file.
const MaxBytes = 1 << 20

// Config is the file. Everything is optional; flags win over it.
type Config struct {
	// Listen is the address to serve on.
	Listen string `yaml:"listen,omitempty" json:"listen,omitempty"`
	// Data is the folder of the embedded store.
	Data string `yaml:"data,omitempty" json:"data,omitempty"`
	// Settings are fixed: nobody can change them in the UI.
	Settings store.Patch `yaml:"settings,omitempty" json:"settings,omitzero"`
}

// Load reads and checks a file.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration: %w", err)
	}
	defer f.Close() //nolint:errcheck // reading only
	raw, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration: %w", err)
	}
	if len(raw) > MaxBytes {
		return Config{}, fmt.Errorf("reading configuration: %s must be at most %d bytes", path, MaxBytes)
	}
	c, err := Parse(raw)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Parse reads YAML. Keys that it doesn't know are errors: a setting with a
// typing mistake must not silently do nothing.
func Parse(raw []byte) (Config, error) {
	var c Config
	if empty(raw) {
		return c, nil
	}
	if err := yaml.Load(raw, &c, yaml.WithKnownFields()); err != nil {
		return Config{}, readable(err)
	}
	in := c.Settings.Apply(store.Defaults())
	if err := in.Validate(); err != nil {
		return Config{}, fmt.Errorf("settings.%w", err)
	}
	return c, nil
}

// empty says whether a file holds nothing but comments, as one does in which
// every example is still commented out.
func empty(raw []byte) bool {
	for line := range bytes.Lines(raw) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
