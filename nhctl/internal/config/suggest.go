package config

import (
	"fmt"
	"sort"
	"strings"
)

// Suggestion is the end of a message about a word, where one of the valid ones is near.
func Suggestion(word string, valid []string) string { return didYouMean(nearest(word, valid)) }

// nearest is the nearest of the valid words; "" when none is near.
func nearest(word string, valid []string) string {
	type candidate struct {
		word     string
		distance int
	}
	var near []candidate
	for _, v := range valid {
		if n := distance(strings.ToLower(word), strings.ToLower(v)); n <= max(1, len(v)/3) {
			near = append(near, candidate{v, n})
		}
	}
	if len(near) == 0 {
		return ""
	}
	sort.SliceStable(near, func(i, j int) bool { return near[i].distance < near[j].distance })
	return near[0].word
}

// didYouMean is the end of a message that names a word, if there is one.
func didYouMean(word string) string {
	if word == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", word)
}

// distance is the number of single-letter edits between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			last, row[j] = row[j], min(row[j]+1, row[j-1]+1, last+cost)
		}
	}
	return row[len(b)]
}
