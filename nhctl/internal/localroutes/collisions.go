package localroutes

import (
	"fmt"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

// maxNamed limits the collisions that a message names.
const maxNamed = 20

// Describe names collisions, and Remedy says how to decide each.
func Describe(all []clusternet.Collision) string {
	var words []string
	for _, c := range all[:min(len(all), maxNamed)] {
		words = append(words, fmt.Sprintf("%s (%s) and the cluster's %s", c.Network, c.By, c.Range))
	}
	return strings.Join(words, ", ")
}

// Remedy says how to decide whose networks are that this computer has as well as the cluster.
func Remedy(all []clusternet.Collision) string {
	var cluster, computer []string
	for _, c := range all[:min(len(all), maxNamed)] {
		cluster = append(cluster, "--also-proxy "+c.Network.String())
		computer = append(computer, "--never-proxy "+c.Network.String())
	}
	return "leave them to this computer: " + strings.Join(computer, " ") +
		"\nor to the cluster: " + strings.Join(cluster, " ")
}
