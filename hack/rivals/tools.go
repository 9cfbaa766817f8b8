//go:build tools

// Package rivals pins the programs that FerroLB is measured beside. Importing them here keeps go.sum complete.
package rivals

import _ "go.universe.tf/metallb/controller"
