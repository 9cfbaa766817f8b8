//go:build tools

// Package main's tools: programs built from this module besides the control plane itself. Importing them
// here keeps go.sum complete.
package main

import _ "k8s.io/kubernetes/test/images/agnhost"
