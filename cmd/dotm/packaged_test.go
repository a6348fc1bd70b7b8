package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/config"
)

// TestPackagedConfiguration: dotm.yaml of the package is fine, and so it is with each
// of its examples.
func TestPackagedConfiguration(t *testing.T) {
	raw, err := os.ReadFile("../../packaging/default/dotm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Parse(raw); err != nil {
		t.Error(err)
	}
	_, examples, _ := strings.Cut(string(raw), "\n\n")
	all := regexp.MustCompile(`(?m)^#`).ReplaceAllString(examples, "")
	all = regexp.MustCompile(`(?m)^ *password_file:.*\n`).ReplaceAllString(all, "") // which this machine doesn't have
	if c, err := config.Parse([]byte(all)); err != nil || len(c.Sources) != 1 || len(c.TLS.Names) != 1 {
		t.Errorf("%v in\n%s", err, all)
	}
}
