package svg

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// screen is a terminal that nothing scrolls off: lines only come at its end.
type screen struct {
	width    int
	lines    [][]cell
	row, col int
	style    style
	rest     string // the beginning of a sequence or character whose end has not come yet
}

// cell is a character, and how it looks.
type cell struct {
	char  rune
	style style
}

// style is how a character looks; color is 1 more than the terminal's number of it, 0 for none.
type style struct {
	color       int
	bold, faint bool
}

func newScreen(width int) *screen { return &screen{width: width, lines: make([][]cell, 1)} }

// write shows output.
func (s *screen) write(text string) error {
	text = s.rest + text
	s.rest = ""
	for text != "" {
		if text[0] == '\x1b' {
			sequence, whole := cutSequence(text)
			if !whole {
				s.rest = text
				return nil
			}
			if err := s.obey(sequence); err != nil {
				return err
			}
			text = text[len(sequence):]
			continue
		}
		if !utf8.FullRuneInString(text) {
			s.rest = text
			return nil
		}
		char, size := utf8.DecodeRuneInString(text)
		if err := s.put(char); err != nil {
			return err
		}
		text = text[size:]
	}
	return nil
}

// put shows a character, or does what a control character says.
func (s *screen) put(char rune) error {
	switch {
	case char == '\r':
		s.col = 0
	case char == '\n':
		s.down()
	case char == '\b':
		s.col = max(0, s.col-1)
	case char == '\t':
		s.col = min(s.width-1, s.col/8*8+8)
	case char == '\a':
	case char < ' ' || char == 0x7f:
		return fmt.Errorf("the recording has the control character %q, which is not drawn", char)
	default:
		if s.col == s.width {
			s.col = 0
			s.down()
		}
		s.reach(s.col + 1)
		s.lines[s.row][s.col] = cell{char, s.style}
		s.col++
	}
	return nil
}

// down goes to the next line.
func (s *screen) down() {
	s.row++
	if s.row == len(s.lines) {
		s.lines = append(s.lines, nil)
	}
}

// reach makes the line as long as some columns.
func (s *screen) reach(columns int) {
	for len(s.lines[s.row]) < columns {
		s.lines[s.row] = append(s.lines[s.row], cell{char: ' '})
	}
}

// cutSequence is the escape sequence that a text begins with, if all of it is there.
func cutSequence(text string) (sequence string, whole bool) {
	if len(text) < 2 {
		return "", false
	}
	switch text[1] {
	case '[': // CSI: parameters, and a letter
		for i := 2; i < len(text); i++ {
			if text[i] >= '@' && text[i] <= '~' {
				return text[:i+1], true
			}
		}
		return "", false
	case ']': // OSC, up to BEL or ST
		end := strings.IndexByte(text, '\a')
		if st := strings.Index(text, "\x1b\\"); st >= 0 && (end < 0 || st < end) {
			return text[:st+2], true
		}
		return text[:end+1], end >= 0
	case '(', ')': // character sets
		if len(text) < 3 {
			return "", false
		}
		return text[:3], true
	}
	return text[:2], true
}

// obey does what an escape sequence says.
func (s *screen) obey(sequence string) error {
	refused := fmt.Errorf("the recording has the escape sequence %q, which is not drawn", sequence)
	switch {
	case strings.HasPrefix(sequence, "\x1b]"): // titles and the like
		return nil
	case sequence == "\x1b(B" || sequence == "\x1b=" || sequence == "\x1b>": // the usual characters and keys
		return nil
	case !strings.HasPrefix(sequence, "\x1b["):
		return refused
	}
	last := len(sequence) - 1
	text, letter := sequence[2:last], sequence[last]
	if strings.HasPrefix(text, "?") && (letter == 'h' || letter == 'l') {
		return mode(text[1:], refused)
	}
	numbers, err := parameters(text)
	if err != nil {
		return refused
	}
	first := numbers[0]
	switch letter {
	case 'm':
		for _, n := range numbers {
			if !s.style.set(n) {
				return refused
			}
		}
	case 'C':
		s.col = min(s.width-1, s.col+max(1, first))
	case 'D':
		s.col = max(0, s.col-max(1, first))
	case 'G':
		s.col = min(s.width, max(1, first)) - 1
	case 'K':
		return s.erase(first, refused)
	case 'J':
		if first != 0 {
			return refused
		}
		s.lines = s.lines[:s.row+1]
		return s.erase(0, refused)
	default:
		return refused
	}
	return nil
}

// mode accepts the modes that change nothing of a picture: of the cursor, and of keys.
func mode(number string, refused error) error {
	switch number {
	case "1", "12", "25", "1004", "2004":
		return nil
	}
	return refused
}

// parameters are the numbers of a sequence; one that is left out is 0.
func parameters(text string) (numbers []int, err error) {
	for part := range strings.SplitSeq(text, ";") {
		n := 0
		if part != "" {
			if n, err = strconv.Atoi(part); err != nil {
				return nil, err
			}
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// erase empties a part of the line: what is behind the cursor (0), before it (1), or all (2).
func (s *screen) erase(part int, refused error) error {
	line := s.lines[s.row]
	switch part {
	case 0:
		s.lines[s.row] = line[:min(len(line), s.col)]
	case 1:
		for i := range line[:min(len(line), s.col+1)] {
			line[i] = cell{char: ' '}
		}
	case 2:
		s.lines[s.row] = nil
	default:
		return refused
	}
	return nil
}

// set changes the style by a number of the sequence for that; it says whether it is known.
func (y *style) set(n int) bool {
	switch {
	case n == 0:
		*y = style{}
	case n == 1:
		y.bold = true
	case n == 2:
		y.faint = true
	case n == 22:
		y.bold, y.faint = false, false
	case n == 39:
		y.color = 0
	case n >= 30 && n <= 37:
		y.color = n - 30 + 1
	case n >= 90 && n <= 97:
		y.color = n - 90 + 8 + 1
	default:
		return false
	}
	return true
}
