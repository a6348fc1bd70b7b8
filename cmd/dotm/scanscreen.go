package main

import (
	"io"
	"os"
	"strconv"
)

// screen is what is printed on.
type screen struct {
	width   int  // in columns; 0 cuts nothing
	height  int  // in lines; 0 is endless
	clears  bool // it understands control sequences
	colours bool // and is to show colours
}

// defaultWidth is that of a screen that doesn't tell.
const defaultWidth = 100

// screenOf tells what out is. The variables COLUMNS and LINES, as environ(7)
// has them, go before what the terminal says. NO_COLOR is that of no-color.org.
func screenOf(out io.Writer) screen {
	s := screen{width: defaultWidth}
	if f, ok := out.(*os.File); ok {
		if width, height, ok := terminalSize(f); ok {
			s.clears = os.Getenv("TERM") != "dumb"
			s.colours = s.clears && os.Getenv("NO_COLOR") == ""
			s.height = height
			if width > 0 {
				s.width = width
			}
		}
	}
	s.width = fromEnv("COLUMNS", s.width)
	if s.clears {
		s.height = fromEnv("LINES", s.height)
	}
	return s
}

// maxSize bounds what the environment may claim.
const maxSize = 10_000

func fromEnv(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 && n <= maxSize {
		return n
	}
	return otherwise
}
