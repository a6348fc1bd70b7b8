workspace "dotm" "Chart of pools" {
  model {
    group "Shared services" {
      n_log1 = softwareSystem "log1" "host"
    }
    group "shop & <co>" {
      n_pool_web = softwareSystem "web (pool)" "pool" {
        container "nginx tcp/80" "" "tcp/80"
      }
      n_db1 = softwareSystem "db1" "host" {
        container "postgres tcp/5432" "" "tcp/5432"
      }
      n_old1 = softwareSystem "old1" "host"
      n_x_script_alert_1___script_________evil________1aacd848 = softwareSystem "<script>alert(1)</script>''&|`/ �evil ]]>;--" "inferred"
    }
    n_internet_57e8a431 = softwareSystem "Internet" "internet"
    n_x_script_alert_1___script_________evil________1aacd848 -> n_db1 "tcp/5432 (direction not known)"
    n_internet_57e8a431 -> n_pool_web "tcp/80"
    n_old1 -> n_db1 "tcp/5432"
    n_pool_web -> n_db1 "tcp/5432"
    n_pool_web -> n_log1 "tcp/6000"
  }
  views {
    systemLandscape "chart" {
      include *
      autoLayout lr
    }
  }
}
