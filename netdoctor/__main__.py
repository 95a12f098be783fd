"""``python -m netdoctor``"""

from netdoctor.cli._start import main

if __name__ == "__main__":
    main()
