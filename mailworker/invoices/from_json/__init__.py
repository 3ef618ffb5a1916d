"""Reading OmniCRM's invoice JSON: one file for each part of it, every fault a sentence."""
