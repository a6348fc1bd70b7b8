package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/devops-trouble-map/dotm/monitor"
)

// frontend is a Zabbix that has nothing to tell: its API answers at /zabbix, its page of
// the login everywhere else.
type frontend struct {
	mu     sync.Mutex
	called []string
}

func (f *frontend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/zabbix/api_jsonrpc.php" || r.Method != http.MethodPost {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>Zabbix</title>")
		return
	}
	var call struct {
		Method string
		Params any
		Auth   string
	}
	_ = json.NewDecoder(r.Body).Decode(&call)
	f.mu.Lock()
	f.called = append(f.called, call.Method)
	f.mu.Unlock()
	params, _ := call.Params.(map[string]any)
	answer := `"result":[]`
	switch {
	case call.Method == "apiinfo.version":
		answer = `"result":"6.0.14"`
	case call.Method == "user.login" && params["password"] == "right":
		answer = `"result":"session"`
	case call.Method == "user.login":
		answer = `"error":{"code":-32500,"message":"Application error.","data":"Incorrect user name or password or account is temporarily blocked."}`
	case call.Auth != "session" && call.Auth != "right":
		answer = `"error":{"code":-32602,"message":"Invalid params.","data":"Not authorized."}`
	}
	_, _ = io.WriteString(w, `{"jsonrpc":"2.0",`+answer+`,"id":1}`)
}

// A Zabbix is found out by whatever URL people know, with a token or a user, and no
// session is left behind. Where the login is wrong, that is what is said.
func TestDetectZabbix(t *testing.T) {
	f := &frontend{}
	s := httptest.NewServer(f)
	defer s.Close()
	for _, tt := range []struct{ path, user, password, says string }{
		{"", "", "right", ""},
		{"/zabbix", "", "right", ""},
		{"/zabbix/index.php", "dotm", "right", ""},
		{"/zabbix/api_jsonrpc.php", "dotm", "right", ""},
		{"", "dotm", "wrong", "refuses user and password"},
		{"/zabbix", "", "wrong", "API token"},
	} {
		f.called = nil
		kind, err := detectMonitor(t.Context(), monitor.Options{Name: "n", URL: s.URL + tt.path, User: tt.user, Password: tt.password})
		if tt.says == "" && (err != nil || kind != monitor.Zabbix) || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s as %s: %q, %v", tt.path, tt.user, kind, err)
		}
		if in, out := slices.Contains(f.called, "user.login"), slices.Contains(f.called, "user.logout"); in != (tt.user != "") || out != (tt.user != "" && tt.says == "") {
			t.Errorf("%s as %s: %q", tt.path, tt.user, f.called)
		}
	}
}

// Every kind that is read is made, and one that is handed over is not.
func TestNewMonitor(t *testing.T) {
	for _, kind := range monitor.Kinds() {
		url := map[monitor.Kind]string{monitor.Livestatus: "tcp://h:6557"}[kind]
		if url == "" {
			url = "http://h"
		}
		s, err := newMonitor(monitor.Options{Name: "n", Kind: kind, URL: url})
		if (err == nil && s != nil) != (kind != monitor.Passive) {
			t.Errorf("%s: %v, %v", kind, s, err)
		}
	}
	if got := candidates("https://h/zabbix")[0]; got != monitor.Zabbix {
		t.Errorf("%s is tried first", got)
	}
}
