// Package dietesp is Diet-ESP: SCHC Rules derived from a Security Association
// compress ESP and what is inside it (draft-ietf-ipsecme-diet-esp-10, and the
// draft of June 2023 as a second profile).
package dietesp
