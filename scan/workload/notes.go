package workload

import (
	"fmt"
	"maps"
	"slices"

	"github.com/devops-trouble-map/dotm/report"
)

// maxDamaged bounds the containers whose damaged state is remembered.
const maxDamaged = 64

// lacks remembers why containers are called by their ids.
type lacks struct {
	// denied and elsewhere are by runtime: there one container stands for all.
	denied, elsewhere map[string]lack
	damaged           map[*entry]lack
}

func newLacks() lacks {
	return lacks{map[string]lack{}, map[string]lack{}, map[*entry]lack{}}
}

// note takes the result of a search. What is found shows that the runtime's
// state is there and may be read.
func (l *lacks) note(e *entry, runtime string, err error) {
	delete(l.damaged, e)
	lack, failed := err.(lack) //nolint:errorlint // search gives it as it is
	if !failed {
		delete(l.denied, runtime)
		delete(l.elsewhere, runtime)
		return
	}
	switch lack.kind {
	case denied:
		l.denied[lack.runtime] = lack
	case elsewhere:
		l.elsewhere[lack.runtime] = lack
	case damaged:
		if len(l.damaged) < maxDamaged {
			l.damaged[e] = lack
		}
	case unknown:
	}
}

// Notes say, sorted, what could not be read of the containers that were met:
// "container-names" where a runtime's state may not be read, "container-state"
// where it isn't to be found, "container-damaged" where it can't be understood.
// Damaged state is looked at again first, at most once in 30 seconds.
func (f *Finder) Notes() []report.Note {
	for _, e := range slices.Collect(maps.Keys(f.lacks.damaged)) {
		f.refresh(e)
	}
	var notes []report.Note
	for _, runtime := range slices.Sorted(maps.Keys(f.lacks.denied)) {
		notes = append(notes, deniedNote(runtime, f.lacks.denied[runtime]))
	}
	for _, runtime := range slices.Sorted(maps.Keys(f.lacks.elsewhere)) {
		notes = append(notes, elsewhereNote(runtime, f.lacks.elsewhere[runtime]))
	}
	return append(notes, f.lacks.damagedNotes()...)
}

// titles are how runtimes are written to people.
var titles = map[string]string{
	"docker": "Docker", "podman": "Podman", "containerd": "containerd", "cri-o": "CRI-O",
}

func deniedNote(runtime string, l lack) report.Note {
	hint := "Their names and images: run dotm as root"
	if runtime == "docker" {
		hint += ", or in the group docker"
	}
	return newNote("container-names", fmt.Sprintf("Containers of %s are called by their ids: %v.", titles[runtime], l), hint)
}

func elsewhereNote(runtime string, l lack) report.Note {
	return newNote("container-state", fmt.Sprintf("Containers of %s are called by their ids: %v.", titles[runtime], l), "")
}

func (l *lacks) damagedNotes() []report.Note {
	texts := map[string]int{}
	for _, lack := range l.damaged {
		texts[lack.Error()]++
	}
	notes := make([]report.Note, 0, len(texts))
	for _, text := range slices.Sorted(maps.Keys(texts)) {
		n := "1 container is called by its id"
		if texts[text] > 1 {
			n = fmt.Sprintf("%d containers are called by their ids", texts[text])
		}
		notes = append(notes, newNote("container-damaged", fmt.Sprintf("%s: %s.", n, text), ""))
	}
	return notes
}

func newNote(code, text, hint string) report.Note {
	return report.Note{Code: code, Text: report.CleanName(text), Hint: hint}
}
