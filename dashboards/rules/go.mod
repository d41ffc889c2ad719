module github.com/modeltap/modeltap/dashboards/rules

go 1.26.0

require go.yaml.in/yaml/v3 v3.0.6

replace github.com/modeltap/modeltap => ../..
