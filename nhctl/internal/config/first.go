package config

import (
	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
)

// FirstFormat says whether a config is in Nocalhost's first format, in either of its forms: svcConfigs with devImage
// and devPort, or services with devContainerImage and devPorts. `nhctl config import` translates it.
func FirstFormat(data []byte) bool {
	var document yaml.Node
	return yaml.Unmarshal(data, &document) == nil && len(document.Content) > 0 &&
		firstFormat(document.Content[0]) != nil
}

// firstFormat is the key that gives the first format away; nil in any other file.
func firstFormat(root *yaml.Node) *yaml.Node {
	for _, p := range node.Pairs(root) {
		switch p.Key.Value {
		case "svcConfigs", "appConfig", "preInstalls":
			return p.Key
		case "services", "service":
			for _, service := range node.Items(p.Value) {
				for _, field := range node.Pairs(service) {
					switch field.Key.Value {
					case "devContainerImage", "devContainerShell", "devContainerResources", "syncDirs", "devPorts",
						"syncFilePattern",
						"dependJobsLabelSelector", "dependPodsLabelSelector", "buildCommand", "runCommand",
						"debugCommand":
						return field.Key
					}
				}
			}
		}
	}
	return nil
}

// firstFormat tells of a config in Nocalhost's first format, once instead of for each of its fields.
func (d *decoder) firstFormat(root *yaml.Node) bool {
	key := firstFormat(root)
	if key == nil {
		return false
	}
	x := source.Finding{Severity: source.Error, Code: source.OlderFormat}
	d.tell(x, key, "%s is of Nocalhost's first format, before application and services; translate the file with `"+
		"nhctl config import`", key.Value)
	return true
}
