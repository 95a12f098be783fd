"""Who owns a container's declaration, and what makes a change last there. One file for each platform."""
