package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// judge knows which commands there are.
type judge struct {
	used     map[string]bool                // commands of dotm that were seen
	model    *kong.Node                     // all of dotm's
	paths    map[string]map[string][]string // of the API: path → method → parameters
	targets  []string                       // of make
	scripts  map[string]json.RawMessage     // of npm
	programs map[string]func(args []string) error
}

// others are programs of other people that pages use. What they do with their arguments
// is not tested.
var others = []string{
	"ansible-playbook", "apt", "cat", "cd", "dnf", "firewall-cmd", "git", "goreleaser", "gpg", "grep", "head", "journalctl", "nano", "nft", "printf",
	"rpm", "sha256sum", "ssh", "systemctl", "tail", "useradd",
}

func newJudge(t *testing.T) *judge {
	t.Helper()
	j := &judge{used: map[string]bool{}, model: model(t), paths: map[string]map[string][]string{}}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(readText(t, "Makefile"), -1) {
		j.targets = append(j.targets, m[1])
	}
	var npm struct{ Scripts map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(readText(t, "web/package.json")), &npm); err != nil {
		t.Fatal(err)
	}
	j.scripts = npm.Scripts
	var api struct {
		Paths map[string]map[string]struct{ Parameters []struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(readText(t, "api/testdata/openapi.json")), &api); err != nil {
		t.Fatal(err)
	}
	for path, methods := range api.Paths {
		j.paths[path] = map[string][]string{}
		for method, m := range methods {
			names := []string{}
			for _, p := range m.Parameters {
				names = append(names, p.Name)
			}
			j.paths[path][strings.ToUpper(method)] = names
		}
	}
	// What is no JSON is not in the description.
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/api/v1/openapi.json"} {
		j.paths[path] = map[string][]string{"GET": nil}
	}
	j.paths["/api/v1/stream"] = map[string][]string{"GET": {"level", "expand", "hide", "focus", "hops", "after"}}
	j.programs = map[string]func([]string) error{
		"dotm": j.dotm, "bin/dotm": j.dotm, "curl": j.curl, "podman": j.podman, "make": j.make, "npm": j.npm,
		"go": goTool, "sh": shellScript, "bash": shellScript, "sudo": j.call, "nohup": j.call,
	}
	return j
}

func readText(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// script says what is wrong with a piece of shell.
func (j *judge) script(code string) string {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(code+"\n"), "")
	if err != nil {
		return err.Error()
	}
	var problems []error
	syntax.Walk(file, func(n syntax.Node) bool {
		call, is := n.(*syntax.CallExpr)
		if !is {
			return true
		}
		words, err := expand.Fields(&expand.Config{
			Env:      expand.FuncEnviron(variable),
			CmdSubst: func(w io.Writer, _ *syntax.CmdSubst) error { _, err := io.WriteString(w, "x"); return err },
		}, call.Args...)
		if err == nil && len(words) > 0 {
			err = j.call(words)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", strings.Join(words, " "), err))
		}
		return true
	})
	return failure(func() error { return errors.Join(problems...) })
}

// variable is what stands for the value of any.
func variable(name string) string {
	if name == "IFS" {
		return " \t\n"
	}
	return "x"
}

// anyFileName takes a flag's value for a file that is there.
func anyFileName(ctx *kong.DecodeContext, target reflect.Value) error {
	var name string
	if err := ctx.Scan.PopValueInto("file", &name); err != nil {
		return err
	}
	if target.Kind() == reflect.Slice {
		target.Set(reflect.Append(target, reflect.ValueOf(name)))
	} else {
		target.SetString(name)
	}
	return nil
}

// call judges a program with its arguments.
func (j *judge) call(words []string) error {
	name := words[0]
	if known, is := j.programs[name]; is {
		return known(words[1:])
	}
	if strings.Contains(name, "/") && !filepath.IsAbs(name) {
		_, err := os.Stat(filepath.Join(root, name))
		return err
	}
	if !slices.Contains(others, name) {
		return fmt.Errorf("what is %s? name it among the programs of this test, with what of it can be tested", name)
	}
	return nil
}

// dotm parses as dotm does.
func (j *judge) dotm(args []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(exit); !is {
				panic(r)
			}
		}
	}()
	parser, err := kong.New(
		&cli{}, kong.Name("dotm"), kong.Writers(io.Discard, io.Discard), kong.Exit(func(n int) { panic(exit(n)) }),
		kong.NamedMapper("existingfile", kong.MapperFunc(anyFileName)),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		j.used[parsed.Selected().FullPath()] = true
	}
	return err
}

// mention judges a command that may be incomplete.
func (j *judge) mention(words []string) string {
	at := place{node: j.model}
	for _, w := range words {
		w = strings.TrimRight(w, ",.;:")
		name, _, _ := strings.Cut(w, "=")
		if at.flag == nil && strings.HasPrefix(w, "-") && at.find(name) == nil {
			return "there is no flag " + name
		}
		if below := at.node; at.flag == nil && !strings.HasPrefix(w, "-") && len(below.Children) > 0 && below.DefaultCmd == nil {
			if !slices.ContainsFunc(below.Children, func(n *kong.Node) bool { return n.Name == w }) && w != "…" && w != strings.ToUpper(w) {
				return "there is no command " + w
			}
		}
		at.pass(w)
	}
	if at.node.Leaf() {
		j.used[at.node.FullPath()] = true
	}
	return ""
}

// nothingForgotten: every command that help lists is shown somewhere, to be typed.
func (j *judge) nothingForgotten(t *testing.T) {
	t.Helper()
	for _, c := range visible(j.model) {
		for _, leaf := range leaves(c) {
			if !j.used[leaf.FullPath()] {
				t.Errorf("no page shows how to use %s", leaf.FullPath())
			}
		}
	}
}

// curl judges method, path and parameters by the description of the API.
func (j *judge) curl(args []string) error {
	method, address := "GET", ""
	for i, a := range args {
		switch {
		case a == "-X" && i+1 < len(args):
			method = args[i+1]
		case strings.HasPrefix(a, "http://") || strings.HasPrefix(a, "https://"):
			address = a
		case (a == "-d" || strings.HasPrefix(a, "--data")) && method == "GET":
			method = "POST"
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return fmt.Errorf("no URL of dotm's is asked: %q, %w", address, err)
	}
	for path, methods := range j.paths {
		form := regexp.MustCompile(`^` + regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`) + `$`)
		parameters, is := methods[method]
		if !is || !form.MatchString(u.Path) {
			continue
		}
		for name := range u.Query() {
			if !slices.Contains(parameters, name) {
				return fmt.Errorf("%s takes no %s=", path, name)
			}
		}
		return nil
	}
	return fmt.Errorf("the API has no %s %s", method, u.Path)
}

// podman judges what dotm is told in a container: what follows its name last.
func (j *judge) podman(args []string) error {
	for i := len(args) - 1; i >= 0; i-- {
		if (args[i] != "dotm" && args[i] != "/dotm") || i+1 == len(args) {
			continue
		}
		if slices.ContainsFunc(j.model.Children, func(n *kong.Node) bool { return n.Name == args[i+1] }) {
			return j.dotm(args[i+1:])
		}
	}
	return nil
}

func (j *judge) make(args []string) error {
	for _, a := range args {
		if !strings.Contains(a, "=") && !slices.Contains(j.targets, a) {
			return fmt.Errorf("there is no target %s", a)
		}
	}
	return nil
}

func (j *judge) npm(args []string) error {
	if len(args) > 1 && args[0] == "run" && j.scripts[args[1]] == nil {
		return fmt.Errorf("there is no script %s", args[1])
	}
	return nil
}

// goTool judges the folders that Go is told.
func goTool(args []string) error {
	for _, a := range args {
		if strings.HasPrefix(a, "./") {
			if _, err := os.Stat(filepath.Join(root, strings.TrimSuffix(a, "/..."))); err != nil {
				return err
			}
		}
	}
	return nil
}

// shellScript judges the flags of a script of ours: those that it tells apart itself.
func shellScript(args []string) error {
	if args[0] == "-c" { // tested where it is made
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(root, args[0]))
	if err != nil {
		if raw, err = os.ReadFile(filepath.Join(root, "scripts", args[0])); err != nil {
			return err
		}
	}
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "--") && !regexp.MustCompile(regexp.QuoteMeta(a)+`[ )|]`).Match(raw) {
			return fmt.Errorf("%s has no %s", args[0], a)
		}
	}
	return nil
}
