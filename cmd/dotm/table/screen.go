package table

import (
	"io"
	"os"
	"strconv"
)

// Screen is what is printed on.
type Screen struct {
	Width   int  // in columns; 0 cuts nothing
	Height  int  // in lines; 0 is endless
	Clears  bool // it understands control sequences
	Colours bool // and is to show colours
}

// defaultWidth is that of a screen that doesn't tell.
const defaultWidth = 100

// ScreenOf tells what out is. The variables COLUMNS and LINES, as environ(7)
// has them, go before what the terminal says. NO_COLOR is that of no-color.org.
func ScreenOf(out io.Writer) Screen {
	s := Screen{Width: defaultWidth}
	if f, ok := out.(*os.File); ok {
		if width, height, ok := TerminalSize(f); ok {
			s.Clears = os.Getenv("TERM") != "dumb"
			s.Colours = s.Clears && os.Getenv("NO_COLOR") == ""
			s.Height = height
			if width > 0 {
				s.Width = width
			}
		}
	}
	s.Width = fromEnv("COLUMNS", s.Width)
	if s.Clears {
		s.Height = fromEnv("LINES", s.Height)
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
