"""One file per question: what is asked, what the evidence is, how it is asked."""
