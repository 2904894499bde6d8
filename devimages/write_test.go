package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The page with the dev images has a row for each, as its definition says; `make images-table` writes it again.
func TestTableIsComplete(t *testing.T) {
	t.Parallel()
	o := &options{}
	dev, err := o.devImages()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../nhctl/docs/images.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for row := range strings.Lines(string(marked.Find(page))) {
		if cells := strings.Split(row, "|"); len(cells) > 1 {
			rows[strings.Trim(cells[1], " `")] = row
		}
	}
	for _, d := range dev {
		row := rows[d.Ref]
		if !strings.Contains(row, d.About) {
			t.Errorf("%s: its row is %q", d.Ref, row)
		}
		for _, l := range d.Layers {
			for _, p := range l.Debian {
				// the first is the base
				if !slices.Contains(dev[0].Layers[0].Debian, p) && !strings.Contains(row, p+" ") {
					t.Errorf("%s: its row lacks %s", d.Ref, p)
				}
			}
		}
	}
	if len(dev) < 7 {
		t.Errorf("only %d dev images", len(dev))
	}
	files, err := filepath.Glob("dockerfiles/*.Dockerfile")
	if err != nil || len(files) != len(dev) {
		t.Errorf("%d Dockerfiles for %d dev images, %v", len(files), len(dev), err)
	}
}
