"""Ocean Engine (巨量引擎): everything that we know about this vendor. Imports the door, its tools and devices.

Reference: 巨量广告转化融合归因优化方案接入手册 V2.0, https://bytedance.larkoffice.com/docx/CgYBdVzoBogND2xv7PhcSfFNnyc
"""
