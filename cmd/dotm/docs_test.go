package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/drift"
	"github.com/devops-trouble-map/dotm/test/need"
)

// root is the top of the repository.
const root = "../.."

// generatedPage is the page that the program writes itself.
const generatedPage = "docs/cli.md"

// block is a piece of code of a page.
type block struct {
	page string // below root
	line int    // of its first line of code
	kind string // the words after the fence: language, and what of it
	code []string
}

// pages gives the text of each page that people read, by its path below root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "docs/*.md", "packaging/README.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			rel, _ := filepath.Rel(root, path)
			found[filepath.ToSlash(rel)] = string(raw)
		}
	}
	return found
}

// split takes a page apart: its blocks of code, and the text between them.
func split(page, text string) (blocks []block, prose []string) {
	var open *block
	indent := ""
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		fence := strings.HasPrefix(trimmed, "```")
		switch {
		case fence && open == nil:
			indent = line[:len(line)-len(trimmed)]
			open = &block{page: page, line: i + 2, kind: strings.TrimPrefix(trimmed, "```")}
		case fence:
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.code = append(open.code, strings.TrimPrefix(line, indent))
		default:
			prose = append(prose, line)
		}
	}
	return blocks, prose
}

func allBlocks(t *testing.T) (all []block) {
	t.Helper()
	for page, text := range pages(t) {
		blocks, _ := split(page, text)
		all = append(all, blocks...)
	}
	slices.SortFunc(all, func(a, b block) int { return strings.Compare(a.page, b.page) })
	return all
}

// TestCodeOfDocs: each block says what it is, and is that: commands that dotm and the
// repository know, configuration that dotm reads, JSON.
func TestCodeOfDocs(t *testing.T) {
	j := newJudge(t)
	for _, b := range allBlocks(t) {
		code := strings.Join(b.code, "\n")
		var problem string
		switch b.kind {
		case "sh":
			problem = j.script(code)
		case "console":
			problem = j.script(strings.Join(b.commands(), "\n"))
		case "yaml":
			problem = failure(func() error { _, err := config.Parse([]byte(code)); return err })
		case "yaml drift":
			problem = failure(func() error { _, err := drift.Parse("rules.yaml", "site", []byte(code)); return err })
		case "yaml of others":
			problem = failure(func() error { return yaml.Unmarshal([]byte(code), new(any)) })
		case "json":
			problem = failure(func() error { return json.Unmarshal([]byte(code), new(any)) })
		case "nginx":
			problem = nginx(t, code)
		case "text":
			problem = holdsCommand(b)
		default:
			problem = "a block must be sh, console, yaml (dotm.yaml), yaml drift, yaml of others, json, nginx or text"
		}
		if problem != "" {
			t.Errorf("%s:%d: %s: %s", b.page, b.line, b.kind, problem)
		}
	}
	j.nothingForgotten(t)
}

func failure(do func() error) string {
	if err := do(); err != nil {
		return err.Error()
	}
	return ""
}

// holdsCommand says that a text has something to type, which would be tested nowhere.
func holdsCommand(b block) string {
	for _, line := range b.code {
		if b.page != generatedPage && (strings.HasPrefix(line, "$ ") || strings.HasPrefix(line, "dotm ") && !strings.Contains(line, "NOPASSWD")) {
			return "looks like a command: mark it as sh or console: " + line
		}
	}
	return ""
}

// nginx has nginx read the blocks of a server, where it is there.
func nginx(t *testing.T, code string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		return ""
	}
	dir := t.TempDir()
	conf := "pid " + dir + "/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\nserver {\nlisten 127.0.0.1:8099;\n" + code + "\n}\n}\n"
	if err := os.WriteFile(dir+"/nginx.conf", []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), program, "-t", "-p", dir, "-c", dir+"/nginx.conf").CombinedOutput(); err != nil {
		return string(out)
	}
	return ""
}

var inline = regexp.MustCompile("`(?:sudo )?(dotm [^`]+)`")

// TestProseOfDocs: commands and flags that the text names exist.
func TestProseOfDocs(t *testing.T) {
	j := newJudge(t)
	for page, text := range pages(t) {
		_, prose := split(page, text)
		for _, m := range inline.FindAllStringSubmatch(strings.Join(prose, "\n"), -1) {
			if problem := j.mention(strings.Fields(m[1])[1:]); problem != "" {
				t.Errorf("%s: `%s`: %s", page, m[1], problem)
			}
		}
	}
}

var (
	docLink    = regexp.MustCompile(`(?:\]\(|src="|srcset=")([^)"\s]+)[)"]`)
	docHeading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	docSigns   = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are those that GitHub makes of a page's headings.
func anchors(text string) (all []string) {
	for _, m := range docHeading.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(docSigns.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}

// TestLinksOfDocs: what a page leads to is there, and every page can be reached from
// the index.
func TestLinksOfDocs(t *testing.T) {
	all := pages(t)
	reached := map[string]bool{}
	for page, text := range all {
		_, prose := split(page, text)
		linked := regexp.MustCompile("`[^`]*`").ReplaceAllString(strings.Join(prose, "\n"), "")
		for _, m := range docLink.FindAllStringSubmatch(linked, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(page), path))
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
			if page == "docs/README.md" {
				reached[target] = true
			}
			if text, is := all[target]; anchor != "" && is && !slices.Contains(anchors(text), anchor) {
				t.Errorf("%s links to %s: there is no such heading", page, m[1])
			}
		}
	}
	for page := range all {
		if strings.HasPrefix(page, "docs/") && page != "docs/README.md" && !reached[page] {
			t.Errorf("docs/README.md doesn't lead to %s", page)
		}
	}
}

// notOurs are messages that other programs and Go itself make.
var notOurs = []string{"certificate signed by unknown authority", "connection refused"}

// TestMessagesOfDocs: what troubleshooting says that one sees is what the code says.
func TestMessagesOfDocs(t *testing.T) {
	values := regexp.MustCompile(`"[a-z]"|\b\d+\b`)
	var sources strings.Builder
	for _, pattern := range []string{"*/*.go", "*/*/*.go", "*/*/*/*.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				sources.WriteString(readText(t, strings.TrimPrefix(filepath.ToSlash(file), root+"/")))
			}
		}
	}
	code := sources.String()
	for line := range strings.SplitSeq(readText(t, "docs/troubleshooting.md"), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 5 { // you see, it means, do
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			for part := range strings.SplitSeq(values.ReplaceAllString(m[1], "…"), "…") {
				part = strings.Trim(part, " :;,()")
				if len(part) > 9 && !strings.Contains(code, part) && !slices.Contains(notOurs, part) && !strings.HasPrefix(part, "dotm ") {
					t.Errorf("docs/troubleshooting.md: nothing says %q", part)
				}
			}
		}
	}
}

// TestScenesOfDocs: sessions that show no answer are run by scenes, letter by letter.
func TestScenesOfDocs(t *testing.T) {
	scenes := ""
	paths, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		scenes += string(raw) + "\n"
	}
	for _, b := range allBlocks(t) {
		if b.kind != "console" || b.answers() {
			continue
		}
		for _, command := range b.commands() {
			if !strings.Contains(scenes, "exec "+command+"\n") {
				t.Errorf("%s:%d: no scene runs %q, and no answer is shown that it could be held against", b.page, b.line, command)
			}
		}
	}
}

// TestSessionsOfDocs types the sessions that show answers, page by page, at a site that
// is always the same, and compares. In what a page shows … is any text of a line, or any
// number of lines where it stands alone.
func TestSessionsOfDocs(t *testing.T) {
	need.Programs(t, "bash", "curl")
	server := fixedSite(t)
	for page, text := range pages(t) {
		blocks, _ := split(page, text)
		blocks = slices.DeleteFunc(blocks, func(b block) bool { return b.kind != "console" || !b.answers() })
		if len(blocks) > 0 {
			t.Run(filepath.Base(page), func(t *testing.T) {
				t.Parallel()
				session{server: server, dir: t.TempDir()}.typeAll(t, blocks)
			})
		}
	}
}
