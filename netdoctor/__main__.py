"""``python -m netdoctor``"""

from netdoctor.cli.main import main

if __name__ == "__main__":
    main()
