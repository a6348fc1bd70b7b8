package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/config"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dotm": main})
}

// TestScripts runs the command line as a person would; each file of
// testdata/script is a scene.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ADDR", freeAddress(t))
			e.Setenv("OTHER", freeAddress(t))
			_, port, _ := net.SplitHostPort(freeAddress(t))
			e.Setenv("PORT", port)
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"answers": answers, "appears": appears, "sees": sees, "incident": anIncident},
	})
}

// freeAddress is a loopback address that nobody listens on, at a port that the
// kernel gives to no client (ip(7), ip_local_port_range): nobody takes it by
// chance before it is used.
func freeAddress(t *testing.T) string {
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.N(20_000)))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

// answers URL TEXT waits until a URL answers with 200 and something that holds a
// text.
func answers(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: answers URL TEXT")
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); ; {
		if resp, err := http.Get(args[0]); err == nil {
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusOK && strings.Contains(string(body), args[1]) {
				return
			}
		}
		select {
		case <-end:
			ts.Fatalf("%s does not answer with %q", args[0], args[1])
		case <-tick.C:
		}
	}
}

// incident NAME sets a variable to the id of the server's first incident.
func anIncident(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: incident NAME")
	}
	resp, err := http.Get(ts.Getenv("DOTM_SERVER") + "/api/v1/incidents")
	ts.Check(err)
	defer resp.Body.Close()
	var list struct{ Incidents []struct{ ID string } }
	ts.Check(json.NewDecoder(resp.Body).Decode(&list))
	if len(list.Incidents) == 0 {
		ts.Fatalf("there is no incident")
	}
	ts.Setenv(args[0], list.Incidents[0].ID)
}

// appears FILE waits until a file is there.
func appears(ts *testscript.TestScript, _ bool, args []string) {
	wait(ts, args[0]+" to appear", func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	})
}

// sees FILE TEXT waits until a file holds a text.
func sees(ts *testscript.TestScript, _ bool, args []string) {
	wait(ts, args[0]+" to hold "+args[1], func() bool {
		raw, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && strings.Contains(string(raw), args[1])
	})
}

func wait(ts *testscript.TestScript, what string, done func() bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); !done(); {
		select {
		case <-end:
			ts.Fatalf("waited too long for %s", what)
		case <-tick.C:
		}
	}
}

func TestJudgeAddress(t *testing.T) {
	for _, c := range []struct {
		address         string
		loopback, fails bool
	}{
		{"127.0.0.1:4849", true, false},
		{"127.9.9.9:1", true, false},
		{"[::1]:4849", true, false},
		{"localhost:4849", true, false},
		{":4849", false, false},
		{"0.0.0.0:4849", false, false},
		{"[::]:4849", false, false},
		{"192.0.2.1:4849", false, false},
		{"example.org:4849", false, false},
		{"localhost.example.org:4849", false, false},
		{"4849", false, true},
		{"127.0.0.1", false, true},
		{"127.0.0.1:", false, true},
	} {
		loopback, err := judgeAddress(c.address)
		if loopback != c.loopback || (err != nil) != c.fails {
			t.Errorf("judgeAddress(%q) = %t, %v; want loopback %t, an error %t", c.address, loopback, err, c.loopback, c.fails)
		}
	}
}

// TestPlanAccess: what nobody asked for never opens a server.
func TestPlanAccess(t *testing.T) {
	for _, c := range []struct {
		name               string
		address            string
		insecure           bool
		flags              accessFlags
		loopback, isPublic bool // needs no login: because only this machine gets there, because it was asked for
		fails              string
	}{
		{"loopback", "127.0.0.1:1", false, accessFlags{}, true, false, ""},
		{"loopback, insecure", "127.0.0.1:1", true, accessFlags{}, true, false, ""},
		{"all addresses", ":1", false, accessFlags{}, false, false, ""},
		{"all addresses, insecure", ":1", true, accessFlags{}, false, true, ""},
		{"behind a proxy on this machine", "127.0.0.1:1", false, accessFlags{BehindProxy: []string{"127.0.0.1"}}, false, false, ""},
		{"behind a proxy", ":1", false, accessFlags{BehindProxy: []string{"10.0.0.0/8", "fd00::/8"}}, false, false, ""},
		{"insecure behind a proxy", ":1", true, accessFlags{BehindProxy: []string{"10.0.0.0/8"}}, false, false, "contradict"},
		{"no network", ":1", false, accessFlags{BehindProxy: []string{"proxy.example"}}, false, false, `--behind-proxy must be a network like 10.0.0.0/8, is "proxy.example"`},
		{"a key alone", ":1", false, accessFlags{KeyFile: "k"}, false, false, "--key-file needs --cert-file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := planAccess(c.address, c.insecure, c.flags, &config.Config{})
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Fatalf("error is %v, want %q", err, c.fails)
				}
				return
			}
			if err != nil || a.loopback != c.loopback || a.insecure != c.isPublic {
				t.Errorf("%v, loopback %t, insecure %t", err, a.loopback, a.insecure)
			}
		})
	}
}

func TestDefaultData(t *testing.T) {
	if os.Geteuid() == 0 {
		if got := flags.DefaultData(); got != "/var/lib/dotm" {
			t.Errorf("root's data folder is %s", got)
		}
		return
	}
	t.Setenv("XDG_STATE_HOME", "/xdg")
	if got := flags.DefaultData(); got != "/xdg/dotm" {
		t.Errorf("data folder with XDG_STATE_HOME is %s", got)
	}
}
