"""The REST API under /api/v1: what persons do by page, programs do here. A router a resource; no rule of the domain."""
