// Package svg draws a recording of a terminal as an animated picture: an SVG file with CSS, which runs no scripts and
// needs no other file. It knows no more of a terminal than nhctl and a shell use, and refuses the rest, so that a
// picture is right or is not made.
package svg

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/nhctl/nhctl/hack/recording/asciicast"
)

// Sizes in pixels: of a character's cell, of its letters, and of the frame around the screen.
const (
	cellWidth  = 8
	cellHeight = 17
	letters    = 13.3
	descent    = 4
	frame      = 12
)

// palette has the terminal's 16 colours, which can be read on the background.
var palette = [...]string{
	"#555d68", "#e5716b", "#7fbf6f", "#d7ba5f", "#6ca8e8", "#c78be0", "#5cc0c0", "#c9d1d9",
	"#7d8590", "#ff938a", "#a2dd92", "#f0d683", "#93c4ff", "#dcaef0", "#85dede", "#f0f6fc",
}

const (
	background = "#0d1117"
	foreground = "#c9d1d9"
)

// most limits a picture, in bytes: it is part of a page that people open to read.
const most = 60_000

// Draw draws a recording. Where nothing moves, by the reader's wish or for lack of means, the picture is the last one.
func Draw(r asciicast.Recording) (string, error) {
	picture, err := draw(r)
	if err == nil && len(picture) > most {
		err = fmt.Errorf("the picture has %d bytes, and may have %d: record less", len(picture), most)
	}
	return picture, err
}

func draw(r asciicast.Recording) (string, error) {
	f, err := filmOf(r)
	if err != nil {
		return "", err
	}
	width, height := r.Width*cellWidth, r.Height*cellHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" `+
		`xml:space="preserve">`+"\n", width+2*frame, height+2*frame)
	fmt.Fprintf(&b, "<title>%s</title>\n<style>\n", html.EscapeString(r.Title))
	fmt.Fprintf(&b, "text{font:%gpx ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:%s}\n"+
		".b{font-weight:bold}.f{fill-opacity:.7}\n", letters, foreground)
	spans := f.spans()
	f.styles(&b, spans)
	b.WriteString("</style>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="8" fill="%s"/>`+"\n", width+2*frame, height+2*frame, background)
	fmt.Fprintf(&b, `<svg x="%d" y="%[1]d" width="%d" height="%d"><g id="s">`+"\n", frame, width, height)
	for i, span := range spans {
		hidden := ""
		if span.to != f.length {
			hidden = ` visibility="hidden"`
		}
		fmt.Fprintf(&b, `<g class="k%d"%s>`+"\n", i, hidden)
		for _, line := range f.lines {
			if line.from == span.from && line.to == span.to {
				drawLine(&b, line)
			}
		}
		b.WriteString("</g>\n")
	}
	b.WriteString("</g></svg>\n</svg>\n")
	return b.String(), nil
}

// span is a time in which lines are seen.
type span struct{ from, to time.Duration }

// spans are those of all lines, each once.
func (f film) spans() (all []span) {
	seen := map[span]bool{}
	for _, line := range f.lines {
		if s := (span{line.from, line.to}); !seen[s] {
			seen[s] = true
			all = append(all, s)
		}
	}
	return all
}

// styles are the animations: each span is seen in its time, and the screen scrolls.
func (f film) styles(b *strings.Builder, spans []span) {
	fmt.Fprintf(b, "g{animation:%ss step-end infinite}\n", decimal(f.length.Seconds()))
	for i, s := range spans {
		fmt.Fprintf(b, ".k%d{animation-name:k%[1]d}@keyframes k%[1]d{", i)
		if s.from > 0 {
			b.WriteString("0%{visibility:hidden}")
		}
		fmt.Fprintf(b, "%s{visibility:visible}", f.percent(s.from))
		if s.to < f.length {
			fmt.Fprintf(b, "%s{visibility:hidden}", f.percent(s.to))
		}
		b.WriteString("}\n")
	}
	if n := len(f.scroll); n > 0 {
		fmt.Fprintf(b, "#s{transform:translateY(%dpx);animation-name:s}@keyframes s{0%%{transform:none}",
			-f.scroll[n-1].lines*cellHeight)
		for _, s := range f.scroll {
			fmt.Fprintf(b, "%s{transform:translateY(%dpx)}", f.percent(s.at), -s.lines*cellHeight)
		}
		b.WriteString("}\n")
	}
	b.WriteString("@media(prefers-reduced-motion:reduce){g{animation:none!important}}\n")
}

// percent is where in the film a time is.
func (f film) percent(at time.Duration) string {
	return decimal(100*at.Seconds()/f.length.Seconds()) + "%"
}

// decimal is a number with three digits, less the zeros at its end.
func decimal(x float64) string {
	text := strconv.FormatFloat(x, 'f', 3, 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// drawLine draws a line, its characters of one style after the other.
func drawLine(b *strings.Builder, line shown) {
	for from := 0; from < len(line.cells); {
		to := from + 1
		for to < len(line.cells) && line.cells[to].style == line.cells[from].style {
			to++
		}
		drawRun(b, line.cells[from:to], from, line.number)
		from = to
	}
}

// drawRun draws characters of one style. Their length is given, so that columns stand below each other in whatever font
// there is.
func drawRun(b *strings.Builder, cells []cell, column, number int) {
	cells = trimmed(cells)
	for len(cells) > 0 && cells[0].char == ' ' {
		cells, column = cells[1:], column+1
	}
	if len(cells) == 0 {
		return
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" textLength="%d"`, column*cellWidth, (number+1)*cellHeight-descent,
		len(cells)*cellWidth)
	var classes []string
	if cells[0].style.bold {
		classes = append(classes, "b")
	}
	if cells[0].style.faint {
		classes = append(classes, "f")
	}
	if len(classes) > 0 {
		fmt.Fprintf(b, ` class="%s"`, strings.Join(classes, " "))
	}
	if color := cells[0].style.color; color > 0 {
		fmt.Fprintf(b, ` style="fill:%s"`, palette[color-1])
	}
	var text strings.Builder
	for _, c := range cells {
		text.WriteRune(c.char)
	}
	fmt.Fprintf(b, ">%s</text>\n", html.EscapeString(text.String()))
}
