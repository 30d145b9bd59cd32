"""What a build tells of its images besides the images: which packages are in them (SBOM), and how they were made."""
