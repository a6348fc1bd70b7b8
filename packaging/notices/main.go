// Command notices prints the licences of all that a dotm binary holds: its own, those
// of the Go modules that were linked and of the UI's packages. A part without a
// licence is an error, because it could not be passed on.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

func main() {
	binary := flag.String("binary", "", "`FILE` of dotm")
	web := flag.String("web", "web", "`FOLDER` of the UI, with its node_modules")
	about := flag.String("about", "", "`FILE` to print first")
	flag.Parse()
	if err := run(os.Stdout, *binary, *web, *about); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

// part is something that somebody else wrote.
type part struct{ name, dir string }

func run(w io.Writer, binary, web, about string) error {
	modules, err := modulesOf(binary)
	if err != nil {
		return err
	}
	packages, err := packagesOf(web)
	if err != nil {
		return err
	}
	own, err := read(about, "LICENSE")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, own); err != nil {
		return err
	}
	goRoot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("asking go for its folder: %w", err)
	}
	parts := append([]part{{"Go " + runtime.Version(), strings.TrimSpace(string(goRoot))}}, modules...)
	for _, p := range append(parts, packages...) {
		text, err := licences(p.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if _, err := fmt.Fprintf(w, "\n%s\n%s\n\n%s", strings.Repeat("=", 72), p.name, text); err != nil {
			return err
		}
	}
	return nil
}

// modulesOf lists what is linked into a binary.
func modulesOf(binary string) (list []part, err error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("reading what %s is made of: %w", binary, err)
	}
	for _, m := range info.Deps {
		out, err := exec.Command("go", "mod", "download", "-json", m.Path+"@"+m.Version).Output()
		if err != nil {
			return nil, fmt.Errorf("finding module %s: %w", m.Path, err)
		}
		var at struct{ Dir string }
		if err := json.Unmarshal(out, &at); err != nil {
			return nil, fmt.Errorf("finding module %s: %w", m.Path, err)
		}
		list = append(list, part{m.Path + " " + m.Version, at.Dir})
	}
	return list, nil
}

// packagesOf lists what the UI is built from, but for what only builds or tests it.
func packagesOf(web string) (list []part, err error) {
	raw, err := os.ReadFile(filepath.Join(web, "package-lock.json"))
	if err != nil {
		return nil, fmt.Errorf("reading the UI's packages: %w", err)
	}
	var lock struct {
		Packages map[string]struct {
			Version string
			Dev     bool
		}
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		return nil, fmt.Errorf("reading the UI's packages: %w", err)
	}
	for path, p := range lock.Packages {
		if name, ok := strings.CutPrefix(path, "node_modules/"); ok && !p.Dev {
			list = append(list, part{name + " " + p.Version, filepath.Join(web, path)})
		}
	}
	slices.SortFunc(list, func(a, b part) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// licences are the files of a folder that say on what terms it is had.
func licences(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var files []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		for _, stem := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"} {
			if strings.HasPrefix(name, stem) && e.Type().IsRegular() {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	if len(files) == 0 {
		return "", errors.New("has no licence")
	}
	return read(files...)
}

// read gives files, one after the other.
func read(paths ...string) (string, error) {
	var b strings.Builder
	for i, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.Write(raw)
	}
	return b.String(), nil
}
