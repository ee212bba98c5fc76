"""An ad platform that the product has never heard of, to show what its door promises: one folder, one line of settings.

Billboard (广告牌) gives each click a callback address of its own, which is called by GET with `kind`, `when` (seconds)
and `yuan`, and answers `{"took": true}`. It knows no attribution query and counts a report that arrives twice, twice.
"""
