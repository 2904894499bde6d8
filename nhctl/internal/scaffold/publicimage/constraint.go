package publicimage

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// dialect is how the ranges of a language's tools differ from npm's, which are those that the semver package reads.
type dialect struct {
	// exact says that `<=3.11` and `>3.11` are about 3.11.0, and not about all versions that begin with 3.11.
	exact bool
	// wide says that `~8.1` ends before 9, and not before 8.2.
	wide bool
}

const (
	// parts is how many numbers a version has, and many is one that no release reaches.
	parts = 3
	many  = 9999
)

var (
	// notation are the characters of ranges; numbers have up to four digits.
	notation   = regexp.MustCompile(`^[ \tvxX\d.*,|<>=!~^-]+$`)
	tooLong    = regexp.MustCompile(`\d{5}`)
	named      = regexp.MustCompile(`\d+(?:\.\d+){0,2}`)
	comparator = regexp.MustCompile(`(~>|~=|>=|<=|===|==|!=|[\^~=<>])[ \t]*(v?\d+(?:\.(?:\d+|[xX*])){0,2})`)
)

// solve makes a tag of a version or a range of them: the first line whose newest version is in the range, or else the
// shortest beginning of a version named there of which that is true, or the line behind it.
func solve(text string, lines []string, d dialect) (tag string, ok bool) {
	if !notation.MatchString(text) || tooLong.MatchString(text) {
		return "", false
	}
	allowed, err := semver.NewConstraint(d.translate(text))
	if err != nil {
		return "", false
	}
	tags := slices.Clone(lines)
	for _, version := range named.FindAllString(text, -1) {
		numbers := numbersOf(version)
		least := min(len(numbers), len(numbersOf(lines[0])))
		for n := least; n <= len(numbers); n++ {
			tags = append(tags, joined(numbers[:n]))
		}
		numbers[least-1]++
		tags = append(tags, joined(numbers[:least]))
	}
	for _, tag := range tags {
		if allowed.Check(newest(tag)) {
			return tag, true
		}
	}
	return "", false
}

// translate writes a range as npm would. Python's ~= and RubyGems' ~> let the last number but one stay, as npm's ~ does
// with three numbers, and its ^ with fewer. Composer also writes | for ||, and Python == and === for =.
func (d dialect) translate(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "||", "|"), "|", "||")
	return comparator.ReplaceAllStringFunc(text, func(c string) string {
		m := comparator.FindStringSubmatch(c)
		operator, version := m[1], m[2]
		missing := parts - 1 - strings.Count(version, ".")
		switch operator {
		case "==", "===":
			operator = "="
		case "~=", "~>", "~":
			switch {
			case operator == "~" && !d.wide:
			case missing == 0:
				operator = "~"
			default:
				operator = "^"
			}
		case "<=", ">":
			if d.exact && !strings.ContainsAny(version, "xX*") {
				version += strings.Repeat(".0", missing)
			}
		}
		return operator + version
	})
}

// newest is a version that no release of a line is behind.
func newest(line string) *semver.Version {
	numbers := append(numbersOf(line), many, many, many)
	return semver.New(numbers[0], numbers[1], numbers[2], "", "")
}

// numbersOf are the numbers of a version that is known to have no other parts.
func numbersOf(version string) (numbers []uint64) {
	for part := range strings.SplitSeq(version, ".") {
		n, _ := strconv.ParseUint(part, 10, 64) // digits, few enough
		numbers = append(numbers, n)
	}
	return numbers
}

func joined(numbers []uint64) string {
	var texts []string
	for _, n := range numbers {
		texts = append(texts, strconv.FormatUint(n, 10))
	}
	return strings.Join(texts, ".")
}
