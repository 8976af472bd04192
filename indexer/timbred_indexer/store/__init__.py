"""Every SQL statement of timbred, one typed function each, by subject.

The functions take a connection and belong inside ``Database.read`` or ``Database.write``; those that change rows take
the ``Seq`` of their transaction and stamp it on what they touch.
"""
